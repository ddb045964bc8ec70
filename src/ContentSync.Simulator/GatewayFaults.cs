using System.Globalization;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>Faults that the simulated AlipayHK injects. The command line and <c>/simulator/faults</c> use the text form.</summary>
/// <param name="All">At most one of each kind. The first one that fires applies to a request, in addition to latency.</param>
/// <param name="Seed">Seeds the random numbers behind the probabilities.</param>
public sealed record GatewayFaults(IReadOnlyList<GatewayFault> All, int Seed = 1)
{
    /// <summary>Injects no faults.</summary>
    public static GatewayFaults None { get; } = new([]);

    /// <summary>Explains the text form in one line.</summary>
    public static string Grammar { get; } =
        "Syntax: name=rate[:parameter][*count], separated by commas. rate is a probability (0.05) or every nth request (1/20); "
        + "count limits how often the fault fires. Names: " + string.Join(", ", FaultNames.Known)
        + ". Example: latency=50ms+20ms,unknown=0.05,throttle=1/50:3s,error=0.01:503,lost=1*3,seed=7";

    /// <summary>Reads the text form, see <see cref="Grammar"/>. Empty text is <see cref="None"/>.</summary>
    /// <exception cref="FormatException">The message names the invalid fault and shows the correct form.</exception>
    public static GatewayFaults Parse(string text) =>
        TryParse(text, out var faults, out var error) ? faults : throw new FormatException(error);

    /// <summary>Reads the text form; <paramref name="error"/> is one sentence when it is invalid, otherwise empty.</summary>
    public static bool TryParse(string text, out GatewayFaults faults, out string error)
    {
        var all = new List<GatewayFault>();
        var seed = None.Seed;
        faults = None;
        error = "";
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? part : part[..equals]).TrimEnd();
            var value = equals < 0 ? "" : part[(equals + 1)..].TrimStart();
            if (name == FaultNames.Seed)
            {
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out seed))
                    error = $"Fault '{part}' is invalid; seed must be a whole number.";
            }
            else if (FaultNames.KindOf(name) is not { } kind)
            {
                error = $"Unknown fault '{name}'; the known faults are {string.Join(", ", FaultNames.Known)}.";
            }
            else if (all.Exists(fault => fault.Kind == kind))
            {
                error = $"Fault '{name}' is given twice.";
            }
            else if (GatewayFault.Read(kind, value) is { } fault)
            {
                all.Add(fault);
            }
            else
            {
                error = $"Fault '{part}' is invalid; write {FaultNames.ExampleOf(kind)}.";
            }

            if (error.Length > 0) return false;
        }

        faults = new GatewayFaults(all, seed);
        return true;
    }

    /// <summary>The text form; <see cref="Parse"/> reads it back.</summary>
    public override string ToString() =>
        string.Join(',', All.Select(fault => fault.ToString()).Concat(Seed == None.Seed ? [] : [$"{FaultNames.Seed}={Seed}"]));
}

/// <summary>Kinds of faults. The name of a fault in the text form is documented in <see cref="GatewayFaults.Grammar"/>.</summary>
public enum FaultKind
{
    /// <summary>Delays the response.</summary>
    Latency,

    /// <summary>429 with Retry-After and without a body; no effect.</summary>
    Throttle,

    /// <summary>5xx without a body; no effect.</summary>
    Error,

    /// <summary>Signed UNKNOWN_EXCEPTION with status F; no effect.</summary>
    Unknown,

    /// <summary>Signed CONTENT_RISKY; no effect.</summary>
    Risky,

    /// <summary>Unsigned INVALID_SIGNATURE, even for a correct signature; no effect.</summary>
    InvalidSignature,

    /// <summary>No response until the caller disconnects or the gateway stops; no effect.</summary>
    Hang,

    /// <summary>The connection is reset; no effect.</summary>
    Reset,

    /// <summary>The item is stored, then the connection is reset.</summary>
    Lost,

    /// <summary>The item is stored; the response has neither Signature nor Response-Time.</summary>
    Unsigned,

    /// <summary>The item is stored; the response is signed with an unknown key.</summary>
    Forged,

    /// <summary>The item is stored; the response names an unknown keyVersion.</summary>
    UnknownKeyVersion,

    /// <summary>The item is stored; the response is cut off half-way.</summary>
    Truncated,
}

/// <summary>A fault and how often it fires.</summary>
public sealed record GatewayFault(FaultKind Kind)
{
    /// <summary>0 to 1; ignored when <see cref="EveryNth"/> is set.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>Fires on exactly every nth request, beginning with the nth; 0 uses <see cref="Probability"/>.</summary>
    public int EveryNth { get; init; }

    /// <summary>Max number of times it fires; null for no limit.</summary>
    public int? MaxCount { get; init; }

    /// <summary>Latency: the delay. Throttle: the Retry-After, in whole seconds.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Latency: max additional delay, uniformly distributed.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Error: the HTTP status.</summary>
    public int Status { get; init; } = 500;

    /// <summary>Reads the text after the equals sign; null when it is invalid.</summary>
    internal static GatewayFault? Read(FaultKind kind, string value)
    {
        var fault = new GatewayFault(kind);
        var star = value.LastIndexOf('*');
        if (star >= 0)
        {
            if (!int.TryParse(value[(star + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return null;
            fault = fault with { MaxCount = count };
            value = value[..star];
        }

        var colon = value.IndexOf(':', StringComparison.Ordinal);
        var (rate, parameter) = colon < 0 ? (value, "") : (value[..colon], value[(colon + 1)..]);
        if (kind == FaultKind.Latency && colon < 0) (rate, parameter) = ("", value);
        return fault.WithRate(rate)?.WithParameter(parameter, required: kind == FaultKind.Latency || colon >= 0);
    }

    public override string ToString()
    {
        var text = new StringBuilder(FaultNames.NameOf(Kind)).Append('=');
        if (EveryNth > 0) text.Append(CultureInfo.InvariantCulture, $"1/{EveryNth}");
        else text.Append(CultureInfo.InvariantCulture, $"{Probability}");
        if (Kind == FaultKind.Latency) text.Append(CultureInfo.InvariantCulture, $":{Delay.TotalMilliseconds}ms+{Jitter.TotalMilliseconds}ms");
        if (Kind == FaultKind.Throttle) text.Append(CultureInfo.InvariantCulture, $":{Delay.TotalSeconds}s");
        if (Kind == FaultKind.Error) text.Append(CultureInfo.InvariantCulture, $":{Status}");
        if (MaxCount is { } count) text.Append(CultureInfo.InvariantCulture, $"*{count}");
        return text.ToString();
    }

    private GatewayFault? WithRate(string rate)
    {
        if (rate.Length == 0) return this;
        if (rate.StartsWith("1/", StringComparison.Ordinal))
        {
            return int.TryParse(rate[2..], NumberStyles.None, CultureInfo.InvariantCulture, out var nth) && nth > 0
                ? this with { EveryNth = nth }
                : null;
        }

        return double.TryParse(rate, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var probability) && probability <= 1
            ? this with { Probability = probability }
            : null;
    }

    private GatewayFault? WithParameter(string parameter, bool required)
    {
        if (!required) return this;
        switch (Kind)
        {
            case FaultKind.Latency:
                var plus = parameter.IndexOf('+', StringComparison.Ordinal);
                var delay = Duration(plus < 0 ? parameter : parameter[..plus]);
                var jitter = plus < 0 ? TimeSpan.Zero : Duration(parameter[(plus + 1)..]);
                return delay is null || jitter is null ? null : this with { Delay = delay.Value, Jitter = jitter.Value };
            case FaultKind.Throttle:
                return Duration(parameter) is { } wait && wait.Ticks % TimeSpan.TicksPerSecond == 0 ? this with { Delay = wait } : null;
            case FaultKind.Error:
                return int.TryParse(parameter, NumberStyles.None, CultureInfo.InvariantCulture, out var status) && status is >= 500 and <= 599
                    ? this with { Status = status }
                    : null;
            default:
                return null;
        }
    }

    private static TimeSpan? Duration(string text)
    {
        var (digits, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1)
            : text.EndsWith('s') ? (text[..^1], 1_000)
            : ("", 0);
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) && amount * unit <= 3_600_000
            ? TimeSpan.FromMilliseconds(amount * unit)
            : null;
    }
}

/// <summary>Names of the faults in the text form.</summary>
internal static class FaultNames
{
    public const string Seed = "seed";

    private static readonly (FaultKind Kind, string Name, string Example)[] All =
    [
        (FaultKind.Latency, "latency", "latency=50ms, latency=50ms+20ms (delay and jitter) or latency=0.1:2s (rate and delay)"),
        (FaultKind.Throttle, "throttle", "throttle=0.02:3s (rate and Retry-After in whole seconds)"),
        (FaultKind.Error, "error", "error=0.02:503 (rate and a status from 500 to 599)"),
        (FaultKind.Unknown, "unknown", "unknown=0.05"),
        (FaultKind.Risky, "risky", "risky=0.05"),
        (FaultKind.InvalidSignature, "badsignature", "badsignature=1"),
        (FaultKind.Hang, "hang", "hang=0.01"),
        (FaultKind.Reset, "reset", "reset=0.01"),
        (FaultKind.Lost, "lost", "lost=0.01"),
        (FaultKind.Unsigned, "unsigned", "unsigned=0.01"),
        (FaultKind.Forged, "forged", "forged=0.01"),
        (FaultKind.UnknownKeyVersion, "keyversion", "keyversion=0.01"),
        (FaultKind.Truncated, "truncated", "truncated=0.01"),
    ];

    public static IEnumerable<string> Known => All.Select(fault => fault.Name).Append(Seed);

    public static FaultKind? KindOf(string name)
    {
        foreach (var fault in All)
        {
            if (fault.Name == name) return fault.Kind;
        }

        return null;
    }

    public static string NameOf(FaultKind kind) => Array.Find(All, fault => fault.Kind == kind).Name;

    public static string ExampleOf(FaultKind kind) => Array.Find(All, fault => fault.Kind == kind).Example;
}
