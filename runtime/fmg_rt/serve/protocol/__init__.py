"""The messages of the gRPC interface, from the ``.proto`` files beside this module.

They live in a descriptor pool of their own: a program may load this module and a client's generated modules, of any
origin, side by side. ``descriptors.binpb`` is made from the ``.proto`` files by ``python -m fmg_rt.serve.protocol``.
"""

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS = "descriptors.binpb"
"""A serialized ``FileDescriptorSet`` of every ``.proto`` file here and of what they import, in order of need."""
A2F_SERVICE = "nvidia_ace.services.a2f_controller.v1.A2FControllerService"
CONFIG_SERVICE = "nvidia_ace.services.a2x_export_config.v1.A2XExportConfigService"
HEALTH_SERVICE = "grpc.health.v1.Health"

_pool = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString(resources.files(__name__).joinpath(DESCRIPTORS).read_bytes()).file:
    _pool.Add(_file)


def message(name: str) -> Any:
    """The class of a message, by its full name."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(name))


AudioStream = message("nvidia_ace.controller.v1.AudioStream")
AnimationDataStream = message("nvidia_ace.controller.v1.AnimationDataStream")
EmotionAggregate = message("nvidia_ace.emotion_aggregate.v1.EmotionAggregate")
ConfigsTypeRequest = message("nvidia_ace.services.a2x_export_config.v1.ConfigsTypeRequest")
A2XConfig = message("nvidia_ace.services.a2x_export_config.v1.A2XConfig")
HealthCheckRequest = message("grpc.health.v1.HealthCheckRequest")
HealthCheckResponse = message("grpc.health.v1.HealthCheckResponse")
