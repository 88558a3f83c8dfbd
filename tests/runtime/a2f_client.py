"""A client of Audio2Face-3D's interface that shares nothing with the server's files: its messages are made from the published
facts, as one table, by protobuf's own descriptor builder, in a pool of its own."""

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

TABLE = """
animation_id.v1 AnimationIds: 1 request_id string; 2 stream_id string; 3 target_object_id string
status.v1 Status: 1 code enum Code(SUCCESS 0, INFO 1, WARNING 2, ERROR 3); 2 message string
audio.v1 AudioHeader: 1 audio_format enum AudioFormat(AUDIO_FORMAT_PCM 0); 2 channel_count uint32; 3 samples_per_second uint32; 4 bits_per_sample uint32
emotion_with_timecode.v1 EmotionWithTimeCode: 1 time_code double; 2 emotion map float
emotion_aggregate.v1 EmotionAggregate: 1 input_emotions repeated emotion_with_timecode.v1.EmotionWithTimeCode; 2 a2e_output repeated emotion_with_timecode.v1.EmotionWithTimeCode; 3 a2f_smoothed_output repeated emotion_with_timecode.v1.EmotionWithTimeCode
a2f.v1 FloatArray: 1 values repeated float
a2f.v1 FaceParameters: 1 float_params map float; 2 integer_params map int32; 3 float_array_params map a2f.v1.FloatArray
a2f.v1 BlendShapeParameters: 1 bs_weight_multipliers map float; 2 bs_weight_offsets map float; 3 enable_clamping_bs_weight optional bool
a2f.v1 EmotionParameters: 1 live_transition_time optional float; 2 beginning_emotion map float
a2f.v1 EmotionPostProcessingParameters: 1 emotion_contrast optional float; 2 live_blend_coef optional float; 3 enable_preferred_emotion optional bool; 4 preferred_emotion_strength optional float; 5 emotion_strength optional float; 6 max_emotions optional int32
a2f.v1 AudioWithEmotion: 1 audio_buffer bytes; 2 emotions repeated emotion_with_timecode.v1.EmotionWithTimeCode
controller.v1 AudioStreamHeader: 1 audio_header audio.v1.AudioHeader; 2 face_params a2f.v1.FaceParameters; 3 emotion_post_processing_params a2f.v1.EmotionPostProcessingParameters; 4 blendshape_params a2f.v1.BlendShapeParameters; 5 emotion_params a2f.v1.EmotionParameters
controller.v1 EndOfAudio:
controller.v1 AudioStream: 1 audio_stream_header oneof controller.v1.AudioStreamHeader; 2 audio_with_emotion oneof a2f.v1.AudioWithEmotion; 3 end_of_audio oneof controller.v1.EndOfAudio
controller.v1 Event: 1 event_type enum EventType(END_OF_A2F_AUDIO_PROCESSING 0); 2 metadata optional any
animation_data.v1 SkelAnimationHeader: 1 blend_shapes repeated string; 2 joints repeated string
animation_data.v1 FloatArrayWithTimeCode: 1 time_code double; 2 values repeated float
animation_data.v1 SkelAnimation: 1 blend_shape_weights repeated animation_data.v1.FloatArrayWithTimeCode
animation_data.v1 AudioWithTimeCode: 1 time_code double; 2 audio_buffer bytes
animation_data.v1 AnimationData: 1 skel_animation optional animation_data.v1.SkelAnimation; 2 audio optional animation_data.v1.AudioWithTimeCode; 4 metadata map any
controller.v1 AnimationDataStreamHeader: 1 audio_header optional audio.v1.AudioHeader; 2 skel_animation_header optional animation_data.v1.SkelAnimationHeader; 3 start_time_code_since_epoch double
controller.v1 AnimationDataStream: 1 animation_data_stream_header oneof controller.v1.AnimationDataStreamHeader; 2 animation_data oneof animation_data.v1.AnimationData; 3 event oneof controller.v1.Event; 4 status oneof status.v1.Status
services.a2x_export_config.v1 ConfigsTypeRequest: 1 config_type enum ConfigType(YAML 0, JSON 1)
services.a2x_export_config.v1 A2XConfig: 1 name string; 2 content string
"""  # noqa: E501
"""package message: number name type; …"""

_KINDS = {"string": 9, "bytes": 12, "uint32": 13, "int32": 5, "double": 1, "float": 2, "bool": 8}
_MESSAGE, _ENUM = 11, 14


def _field(message, number, name, words):
    """Add one field, with the enum or the map entry that it brings along."""
    field = message.field.add(number=int(number), name=name, label=3 if words[0] in ("repeated", "map") else 1)
    if words[0] == "map":
        entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
        entry.options.map_entry = True
        _field(entry, 1, "key", ["string"])
        _field(entry, 2, "value", words[1:])
        field.type, field.type_name = _MESSAGE, f".{message_name(message)}.{entry.name}"
        return
    if words[0] == "optional":
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
    if words[0] == "oneof":
        field.oneof_index = 0
        if not message.oneof_decl:
            message.oneof_decl.add(name="stream_part")
    kind = words[-1] if words[0] in ("repeated", "optional", "oneof") else words[0]
    if kind == "enum":
        enum, _, values = " ".join(words[1:]).rstrip(")").partition("(")
        made = message.enum_type.add(name=enum)
        for value in values.split(", "):
            made.value.add(name=value.split()[0], number=int(value.split()[1]))
        field.type, field.type_name = _ENUM, f".{message_name(message)}.{enum}"
    elif kind == "any":
        field.type, field.type_name = _MESSAGE, ".google.protobuf.Any"
    elif kind in _KINDS:
        field.type = _KINDS[kind]
    else:
        field.type, field.type_name = _MESSAGE, f".nvidia_ace.{kind}"


_packages = {}


def message_name(message):
    return _packages.get(message.name, message.name)


def _build():
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    for i, line in enumerate(TABLE.strip().splitlines()):
        head, _, fields = line.partition(":")
        package, name = head.split()
        file = descriptor_pb2.FileDescriptorProto(name=f"table/{i}.proto", package=f"nvidia_ace.{package}", syntax="proto3")
        file.dependency.append("google/protobuf/any.proto")
        file.dependency.extend(f"table/{before}.proto" for before in range(i))
        _packages[name] = f"nvidia_ace.{package}.{name}"
        message = file.message_type.add(name=name)
        for field in filter(None, fields.split(";")):
            number, field_name, *words = field.split()
            _field(message, number, field_name, words)
        if name == "AudioStream":  # protobuf wants the oneof of a message before those of its optional fields
            assert [one.name for one in message.oneof_decl] == ["stream_part"]
        pool.Add(file)
    return pool


_POOL = _build()


def message(name):
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"nvidia_ace.{name}"))


AudioStream = message("controller.v1.AudioStream")
AnimationDataStream = message("controller.v1.AnimationDataStream")
EmotionAggregate = message("emotion_aggregate.v1.EmotionAggregate")
ConfigsTypeRequest = message("services.a2x_export_config.v1.ConfigsTypeRequest")
A2XConfig = message("services.a2x_export_config.v1.A2XConfig")


def header(sample_rate=16000, channels=1, bits=16, **face):
    request = AudioStream()
    audio = request.audio_stream_header.audio_header
    audio.samples_per_second, audio.channel_count, audio.bits_per_sample = sample_rate, channels, bits
    request.audio_stream_header.face_params.float_params.update(face)
    return request


def piece(data, **emotion):
    request = AudioStream()
    request.audio_with_emotion.audio_buffer = data
    if emotion:
        request.audio_with_emotion.emotions.add(time_code=0.0, emotion=emotion)
    return request


def end():
    request = AudioStream()
    request.end_of_audio.SetInParent()
    return request


def requests(pcm, sample_rate=16000, seconds=1.0, **face):
    """A whole stream: header, pieces of that length, end."""
    yield header(sample_rate, **face)
    step = 2 * int(seconds * sample_rate)
    for start in range(0, len(pcm), step):
        yield piece(pcm[start : start + step])
    yield end()


class Answer:
    """What came back of one stream."""

    def __init__(self, messages):
        self.header, self.data, self.events, self.status = None, [], [], None
        for received in messages:
            part = received.WhichOneof("stream_part")
            if part == "animation_data_stream_header":
                assert self.header is None and not self.data
                self.header = received.animation_data_stream_header
            elif part == "animation_data":
                assert not self.events
                self.data.append(received.animation_data)
            elif part == "event":
                self.events.append(received.event)
            else:
                assert part == "status"
                self.status = received.status

    @property
    def audio(self):
        return b"".join(data.audio.audio_buffer for data in self.data)

    @property
    def frames(self):
        """[(time code, values)]"""
        return [(w.time_code, list(w.values)) for data in self.data for w in data.skel_animation.blend_shape_weights]


def method(channel):
    """The call, on a channel of grpc or grpc.aio."""
    return channel.stream_stream(
        "/nvidia_ace.services.a2f_controller.v1.A2FControllerService/ProcessAudioStream",
        AudioStream.SerializeToString,
        AnimationDataStream.FromString,
    )


def ask(address, messages, **options):
    """Send them all and gather the answer."""
    with grpc.insecure_channel(address) as channel:
        return Answer(method(channel)(iter(messages), **options))
