using System.Text.Json;

namespace ContentSync.AlipayHk;

/// <summary>
/// The JSON of a response. AlipayHK's documentation is inconsistent, so the result may be named resultInfo or result, and its message
/// resultMessage or resultMsg; unknown members are skipped. resultCode and resultStatus are required. A body that gives a member
/// twice, or under both of its names, or as anything but text is refused whole: two readers could understand it differently.
/// </summary>
/// <param name="ResultCode">Verbatim.</param>
/// <param name="ResultStatus">S, F or U; any other value is kept verbatim.</param>
/// <param name="ResultMessage">Empty if absent.</param>
/// <param name="TemplateCode">MOVIE only.</param>
/// <param name="TemplateStatus">MOVIE only: valid, paused, expired, frozen; any other value is kept verbatim.</param>
public readonly record struct SynchronizeResponse(
    string ResultCode,
    string ResultStatus,
    string ResultMessage,
    string? TemplateCode,
    string? TemplateStatus)
{
    /// <summary>Sibling APIs allow 64 characters; this leaves a margin.</summary>
    private const int MaxCodeLength = 128;

    /// <summary>Parses a response after its signature was checked. Never throws on hostile bytes.</summary>
    /// <param name="json">The decrypted body.</param>
    /// <param name="response">The parsed response.</param>
    /// <param name="problem">Why the body cannot be parsed; empty on success.</param>
    public static bool TryRead(ReadOnlySpan<byte> json, out SynchronizeResponse response, out string problem)
    {
        response = default;
        try
        {
            var envelope = Envelope.Read(json);
            problem = envelope.Problem();
            if (problem.Length > 0) return false;
            var result = envelope.Result;
            response = new SynchronizeResponse(result.Code!, result.Status!, result.Message ?? "", envelope.TemplateCode, envelope.TemplateStatus);
            return true;
        }
        catch (JsonException)
        {
            problem = json.IsEmpty ? "the body is empty" : "the body is not JSON";
            return false;
        }
        catch (InvalidOperationException)
        {
            // The reader throws this for a string with half a surrogate pair or invalid UTF-8.
            problem = "the body contains text that is not valid Unicode";
            return false;
        }
    }

    private struct Envelope
    {
        private ResultObject _result;
        private Member _templateCode;
        private Member _templateStatus;
        private bool _hasResult;
        private bool _hasSecondResult;
        private bool _isResultObject;
        private bool _isObject;

        public readonly ResultObject Result => _result;

        public readonly string? TemplateCode => _templateCode.Text;

        public readonly string? TemplateStatus => _templateStatus.Text;

        public static Envelope Read(ReadOnlySpan<byte> json)
        {
            var reader = new Utf8JsonReader(json);
            var envelope = default(Envelope);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return envelope;
            envelope._isObject = true;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) envelope.ReadMember(ref reader);

            // Text after the object is an error too; this read throws on it.
            reader.Read();
            return envelope;
        }

        public readonly string Problem()
        {
            if (!_isObject) return "the body is not a JSON object";
            if (!_hasResult) return "it has neither resultInfo nor result";
            if (_hasSecondResult) return "it has more than one resultInfo or result";
            if (!_isResultObject) return "its resultInfo or result is not an object";
            if (_result.Problem() is { Length: > 0 } problem) return problem;
            return _templateCode.Problem("templateCode") ?? _templateStatus.Problem("templateStatus") ?? "";
        }

        private void ReadMember(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("resultInfo"u8) || reader.ValueTextEquals("result"u8)) ReadResult(ref reader);
            else if (reader.ValueTextEquals("templateCode"u8)) _templateCode.Read(ref reader);
            else if (reader.ValueTextEquals("templateStatus"u8)) _templateStatus.Read(ref reader);
            else reader.Skip();
        }

        private void ReadResult(ref Utf8JsonReader reader)
        {
            _hasSecondResult |= _hasResult;
            _hasResult = true;
            reader.Read();
            _isResultObject = reader.TokenType == JsonTokenType.StartObject;
            if (!_isResultObject)
            {
                reader.Skip();
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) _result.ReadMember(ref reader);
        }
    }

    private struct ResultObject
    {
        private Member _code;
        private Member _status;
        private Member _message;

        public readonly string? Code => _code.Text;

        public readonly string? Status => _status.Text;

        public readonly string? Message => _message.Text;

        public void ReadMember(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("resultCode"u8)) _code.Read(ref reader);
            else if (reader.ValueTextEquals("resultStatus"u8)) _status.Read(ref reader);
            else if (reader.ValueTextEquals("resultMessage"u8) || reader.ValueTextEquals("resultMsg"u8)) _message.Read(ref reader);
            else reader.Skip();
        }

        public readonly string Problem()
        {
            var problem = _status.Problem("resultStatus") ?? _code.Problem("resultCode") ?? _message.Problem("resultMessage or resultMsg");
            if (problem is not null) return problem;
            if (string.IsNullOrEmpty(Status)) return "it has no resultStatus";
            if (string.IsNullOrEmpty(Code)) return "it has no resultCode";
            return Code.Length > MaxCodeLength || Status.Length > MaxCodeLength
                ? $"its resultCode or resultStatus is longer than {MaxCodeLength} characters"
                : "";
        }
    }

    /// <summary>A member whose value must be text; null counts as absent.</summary>
    private struct Member
    {
        private bool _seen;
        private bool _repeated;
        private bool _isOtherType;

        public string? Text { get; private set; }

        public readonly string? Problem(string name) =>
            _repeated ? $"it repeats its {name}" : _isOtherType ? $"its {name} is not a string" : null;

        public void Read(ref Utf8JsonReader reader)
        {
            _repeated |= _seen;
            _seen = true;
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.String:
                    Text = TextOf(ref reader);
                    break;
                case JsonTokenType.Null:
                    break;
                default:
                    _isOtherType = true;
                    reader.Skip();
                    break;
            }
        }

        // Nearly every response carries these values; constants save an allocation each.
        private static string? TextOf(ref Utf8JsonReader reader)
        {
            if (reader.ValueTextEquals("S"u8)) return ResultCodes.StatusSuccess;
            if (reader.ValueTextEquals("SUCCESS"u8)) return ResultCodes.Success;
            if (reader.ValueTextEquals("success"u8)) return "success";
            return reader.GetString();
        }
    }
}
