-- For wrk: one request again and again, and what came of it as a line of JSON.
--   wrk -s closed_loop.lua URL -- FILE_WITH_THE_BODY [HEADER VALUE]...
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  file:close()
  for n = 2, #args, 2 do
    wrk.headers[args[n]] = args[n + 1]
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests_per_s":%.3f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d}\n',
    (summary.requests - errors.status) / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
