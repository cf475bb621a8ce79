"""Shared memory regions over gRPC: register, unregister, status. Rule: what they are is `SharedMemoryRegions`' own."""

from dataclasses import asdict

from tritonclient.grpc import service_pb2 as messages

from serving.transports.grpc.calls import Unary
from serving.transports.shared_memory import SharedMemoryRegions


def system_shared_memory_rpcs(regions: SharedMemoryRegions) -> dict[str, Unary]:
    async def status(message: messages.SystemSharedMemoryStatusRequest) -> messages.SystemSharedMemoryStatusResponse:
        found = {
            region.name: messages.SystemSharedMemoryStatusResponse.RegionStatus(**asdict(region))
            for region in regions.status(message.name)
        }
        return messages.SystemSharedMemoryStatusResponse(regions=found)

    async def register(
        message: messages.SystemSharedMemoryRegisterRequest,
    ) -> messages.SystemSharedMemoryRegisterResponse:
        regions.register(message.name, message.key, message.offset, message.byte_size)
        return messages.SystemSharedMemoryRegisterResponse()

    async def unregister(
        message: messages.SystemSharedMemoryUnregisterRequest,
    ) -> messages.SystemSharedMemoryUnregisterResponse:
        if message.name:
            regions.unregister(message.name)
        else:
            regions.unregister_all()
        return messages.SystemSharedMemoryUnregisterResponse()

    return {
        "SystemSharedMemoryStatus": status,
        "SystemSharedMemoryRegister": register,
        "SystemSharedMemoryUnregister": unregister,
    }


def cuda_shared_memory_rpcs(regions: SharedMemoryRegions) -> dict[str, Unary]:
    async def status(message: messages.CudaSharedMemoryStatusRequest) -> messages.CudaSharedMemoryStatusResponse:
        regions.cuda_status(message.name)  # there are none
        return messages.CudaSharedMemoryStatusResponse()

    async def register(message: messages.CudaSharedMemoryRegisterRequest) -> messages.CudaSharedMemoryRegisterResponse:
        regions.register_cuda(message.name)
        return messages.CudaSharedMemoryRegisterResponse()

    async def unregister(
        _: messages.CudaSharedMemoryUnregisterRequest,
    ) -> messages.CudaSharedMemoryUnregisterResponse:
        regions.unregister_cuda()
        return messages.CudaSharedMemoryUnregisterResponse()

    return {
        "CudaSharedMemoryStatus": status,
        "CudaSharedMemoryRegister": register,
        "CudaSharedMemoryUnregister": unregister,
    }
