using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// A small JSON response, serialized before it is written: its length is known, so it leaves in one piece instead of in chunks with an
/// extra flush.
/// </summary>
internal sealed class BufferedJsonResult<T>(T value, JsonTypeInfo<T> type, int statusCode) : IResult, IStatusCodeHttpResult, IValueHttpResult<T>
{
    public T Value => value;

    public int? StatusCode => statusCode;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, type);
        var response = httpContext.Response;
        response.StatusCode = statusCode;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = json.Length;
        return response.Body.WriteAsync(json, httpContext.RequestAborted).AsTask();
    }
}
