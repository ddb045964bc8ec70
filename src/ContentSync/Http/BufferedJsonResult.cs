using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// A small JSON answer, serialised before it is begun: then its length is known and it leaves as one piece, where one that is
/// written as it is serialised takes chunks and a flush.
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
