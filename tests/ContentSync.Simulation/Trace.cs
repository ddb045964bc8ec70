using System.Globalization;
using System.Runtime.CompilerServices;

namespace ContentSync.Simulation;

/// <summary>A readable log of a simulation, line by line. It costs nothing while it is off.</summary>
internal sealed class Trace(VirtualTime time, bool isOn)
{
    private readonly List<string> _lines = [];

    public bool IsOn => isOn;

    public IReadOnlyList<string> Lines => _lines;

    public void Write(string who, [InterpolatedStringHandlerArgument("")] Line line)
    {
        if (!isOn) return;
        _lines.Add(string.Create(
            CultureInfo.InvariantCulture, $"{(int)time.Elapsed.TotalHours,3}:{time.Elapsed:mm\\:ss\\.fff} {who,-8} {line.Text}"));
    }

    [InterpolatedStringHandler]
    public ref struct Line
    {
        private readonly bool _isOn;
        private DefaultInterpolatedStringHandler _text;

        public Line(int literalLength, int formattedCount, Trace trace, out bool isOn)
        {
            isOn = _isOn = trace.IsOn;
            if (isOn) _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount, CultureInfo.InvariantCulture);
        }

        public string Text => _isOn ? _text.ToStringAndClear() : "";

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);
    }
}
