using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fluid.Values;

namespace ContentSync.Mapping.Feeds;

/// <summary>Writes values of expressions as JSON.</summary>
internal static class FeedJson
{
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static string Of(FluidValue value)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, Options)) Write(writer, value);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    public static void Write(Utf8JsonWriter writer, FluidValue value)
    {
        switch (value)
        {
            case FeedObject fields:
                writer.WriteStartObject();
                foreach (var name in fields.Names)
                {
                    writer.WritePropertyName(name);
                    Write(writer, fields.Get(name));
                }

                writer.WriteEndObject();
                break;
            case ArrayValue list:
                writer.WriteStartArray();
                foreach (var element in list.Values) Write(writer, element);
                writer.WriteEndArray();
                break;
            case BooleanValue:
                writer.WriteBooleanValue(value.ToBooleanValue());
                break;
            case NumberValue:
                writer.WriteNumberValue(value.ToNumberValue());
                break;
            default:
                if (value.IsNil()) writer.WriteNullValue();
                else writer.WriteStringValue(value.ToStringValue());
                break;
        }
    }
}
