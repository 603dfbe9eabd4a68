namespace MirrorSync.Serving.UploadPack;

/// <summary>A client sent a longer request than is taken.</summary>
internal sealed class RequestTooLongException() : Exception("the request is too long");
