using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ContentSync.Simulation;

/// <summary>Prints reports as text or as one JSON object.</summary>
internal static class ReportWriter
{
    private const int MaxTraces = 1;
    private const int MaxTraceLines = 400;

    public static void WriteText(SeedReport report, Func<ulong, Plan> planOf, TextWriter output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seeds          {report.Seeds}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"virtual hours  {report.VirtualHours:0}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"AlipayHK calls {report.AlipayHkCalls}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seconds        {report.Duration.TotalSeconds:0.0}"));
        output.WriteLine("faults");
        foreach (var fault in Enum.GetValues<Fault>())
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {fault,-28} {report.Faults[fault],10}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"violations     {report.Violations.Count}"));
        foreach (var (seed, violation) in report.Violations)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  seed {seed}: {violation.Invariant}: {violation.Text}"));
        foreach (var (seed, _) in report.Violations.Take(MaxTraces))
        {
            var lines = SeedRunner.Trace(planOf(seed)).Trace;
            output.WriteLine();
            var shown = Math.Min(MaxTraceLines, lines.Count);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"trace of seed {seed}, last {shown} of {lines.Count} lines; the full trace: --seed {seed} --trace"));
            foreach (var line in lines.TakeLast(MaxTraceLines)) output.WriteLine(line);
        }
    }

    public static void WriteJson(SeedReport report, Stream output)
    {
        using var json = Json(output);
        json.WriteStartObject();
        json.WriteNumber("seeds", report.Seeds);
        json.WriteNumber("virtualHours", Math.Round(report.VirtualHours));
        json.WriteNumber("alipayHkCalls", report.AlipayHkCalls);
        json.WriteNumber("seconds", Math.Round(report.Duration.TotalSeconds, 1));
        json.WriteStartObject("faults");
        foreach (var fault in Enum.GetValues<Fault>())
            json.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(fault.ToString()), report.Faults[fault]);
        json.WriteEndObject();
        json.WriteNumber("violations", report.Violations.Count);
        json.WriteStartArray("violated");
        foreach (var (seed, violation) in report.Violations)
        {
            json.WriteStartObject();
            json.WriteNumber("seed", seed);
            json.WriteString("invariant", violation.Invariant.ToString());
            json.WriteString("text", violation.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static Utf8JsonWriter Json(Stream output) =>
        new(output, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
