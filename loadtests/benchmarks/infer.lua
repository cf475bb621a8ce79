-- One digit as a binary tensor, for wrk:
--   wrk -t1 -c32 -d4s --latency -s loadtests/benchmarks/infer.lua http://127.0.0.1:8000/v2/models/digits-cnn/infer
local header = '{"inputs":[{"name":"image","shape":[1,1,8,8],"datatype":"FP32","parameters":{"binary_data_size":256}}],'
  .. '"parameters":{"binary_data_output":true}}'
wrk.method = "POST"
wrk.body = header .. string.rep("\0\0\128\63", 64)
wrk.headers["Inference-Header-Content-Length"] = tostring(#header)
