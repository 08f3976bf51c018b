using System.Globalization;
using System.Text;

namespace GradAnalyzers.Proofs;

/// <summary>
/// Curves before and after a fix: the median over the seeds as a line, their range as a band. The pictures bring their own ground and follow the reader's choice of a light or dark page.
/// </summary>
internal static class Picture
{
    /// <summary>Colors that are told apart by color-blind people too (Okabe, Ito); brighter on a dark ground.</summary>
    private const string Style = """
        <style>
          text { font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-size: 13px; fill: #1f2328; }
          .name { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round; } .quiet { fill: #59636e; } .small { font-size: 11px; } .title { font-size: 16px; font-weight: 600; }
          .ground { fill: #ffffff; stroke: #d1d9e0; } .grid { stroke: #e6eaef; } .axis { stroke: #8c959f; }
          .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; } .band { opacity: .16; } .end { stroke-width: 2.2; }
          .s0 { stroke: #d55e00; } .s1 { stroke: #0072b2; } .s2 { stroke: #00855f; } .s3 { stroke: #9a4f96; }
          .f0 { fill: #c25500; } .f1 { fill: #0072b2; } .f2 { fill: #00795a; } .f3 { fill: #8a4286; }
          @media (prefers-color-scheme: dark) {
            text { fill: #e6edf3; } .name { stroke: #0d1117; } .quiet { fill: #9aa4af; } .ground { fill: #0d1117; stroke: #30363d; } .grid { stroke: #21262d; } .axis { stroke: #6e7681; }
            .s0 { stroke: #ff9d57; } .s1 { stroke: #56b4e9; } .s2 { stroke: #3fc79a; } .s3 { stroke: #cc92c8; }
            .f0 { fill: #ff9d57; } .f1 { fill: #56b4e9; } .f2 { fill: #3fc79a; } .f3 { fill: #cc92c8; } .band { opacity: .22; }
          }
        </style>
        """;

    /// <summary>One proof, with axes and a name at the end of each line.</summary>
    public static string Of(Evidence evidence)
    {
        const int width = 760, height = 320;
        var plot = new Plot(64, 62, width - 64 - 150, height - 62 - 48, Series.Of(evidence));
        var text = Begin(width, height, $"{evidence.Proof.Rule}: {evidence.Proof.Fault}");
        Line(text, 20, 28, "title", evidence.Proof.Fault);
        Line(text, 20, 48, "quiet", $"{evidence.Proof.Curve}, each round of training; median and range of {evidence.Before.Count} seeds{(plot.IsLogarithmic ? "; logarithmic" : "")}");
        plot.Axes(text);
        plot.Lines(text);
        plot.Names(text);
        return End(text);
    }

    /// <summary>All proofs, small, side by side.</summary>
    public static string Of(IReadOnlyList<Evidence> all)
    {
        const int columns = 3, wide = 304, high = 140, edge = 16, top = 70;
        var rows = (all.Count + columns - 1) / columns;
        var (width, height) = ((2 * edge) + (columns * wide), top + (rows * high) + 8);
        var text = Begin(width, height, "All programs, trained before and after their fix");
        Line(text, edge + 8, 30, "title", "The same program, trained as it is written and after the fix");
        Key(text, edge + 8, 52, 0, "as it is written");
        Key(text, edge + 150, 52, 1, "after the fix");
        Line(text, edge + 270, 52, "quiet", "Loss or wrong answers: lower is better. ×: the training threw, or its loss was NaN.");
        foreach (var (evidence, index) in all.Select((evidence, index) => (evidence, index)))
        {
            var (x, y) = (edge + (index % columns * wide), top + (index / columns * high));
            Line(text, x + 8, y + 16, "", evidence.Proof.Rule);
            Line(text, x + 8, y + 31, "quiet small", evidence.Proof.Fault);
            var plot = new Plot(x + 8, y + 40, wide - 24, high - 56, [.. Series.Of(evidence).Take(2)]);
            plot.Frame(text);
            plot.Lines(text);
        }

        return End(text);

        static void Key(StringBuilder text, int x, int y, int number, string name)
        {
            text.Append(Invariant($"""<line class="line s{number}" x1="{x}" y1="{y - 4}" x2="{x + 22}" y2="{y - 4}"/>""")).Append('\n');
            Line(text, x + 30, y, $"f{number}", name);
        }
    }

    private static StringBuilder Begin(int width, int height, string title) => new StringBuilder()
        .Append(Invariant($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">""")).Append('\n')
        .Append(Invariant($"<title>{Escape(title)}</title>\n")).Append(Style).Append('\n')
        .Append(Invariant($"""<rect class="ground" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>""")).Append('\n');

    private static string End(StringBuilder text) => text.Append("</svg>\n").ToString().ReplaceLineEndings("\n");

    private static void Line(StringBuilder text, double x, double y, string style, string content, string anchor = "start") =>
        text.Append(Invariant($"""<text class="{style}" x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}">{Escape(content)}</text>""")).Append('\n');

    private static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>The curves of one program.</summary>
    /// <param name="Name">What the picture calls it.</param>
    /// <param name="Rounds">For each round the lowest, the middle and the highest value of the seeds that reached it.</param>
    /// <param name="Ending">Why most seeds' curves end early, null where they do not.</param>
    private sealed record Series(string Name, IReadOnlyList<(double Low, double Middle, double High)> Rounds, string? Ending)
    {
        /// <summary>Beyond this a loss has exploded.</summary>
        private const double Exploded = 1e6;

        public static IReadOnlyList<Series> Of(Evidence evidence) =>
            [Of("as it is written", evidence.Before), .. evidence.Repairs.Select(repair => Of(repair.Fix.Label, repair.After))];

        private static Series Of(string name, IReadOnlyList<Trial> trials)
        {
            var rounds = new List<(double, double, double)>();
            for (var round = 0; round < trials.Max(trial => trial.Curve.Count); round++)
            {
                var values = trials.Where(trial => trial.Curve.Count > round).Select(trial => trial.Curve[round]).Select(value => double.IsFinite(value) ? value : double.PositiveInfinity).Order().ToList();
                var middle = values[values.Count / 2];
                if (!(middle < Exploded))
                    return new(name, rounds, "NaN");
                rounds.Add((values[0], middle, values.Last(value => value < Exploded)));
            }

            return new(name, rounds, trials.Any(trial => trial.Stopped is not null) ? "throws" : null);
        }
    }

    /// <summary>A rectangle with curves in it.</summary>
    private sealed class Plot
    {
        private readonly double left, top, width, height, low, high;
        private readonly int last;
        private readonly IReadOnlyList<Series> series;

        public Plot(double left, double top, double width, double height, IReadOnlyList<Series> series)
        {
            (this.left, this.top, this.width, this.height, this.series) = (left, top, width, height, series);
            last = Math.Max(series.Max(one => one.Rounds.Count) - 1, 1);
            var values = series.SelectMany(one => one.Rounds).SelectMany(round => new[] { round.Low, round.Middle, round.High }).ToList();
            var (smallest, largest) = (values.Min(), values.Max());
            IsLogarithmic = smallest > 0 && largest / smallest > 30;
            (low, high) = IsLogarithmic
                ? (Math.Floor(Math.Log10(Math.Max(smallest, largest * 1e-8))), Math.Ceiling(Math.Log10(largest)))
                : (Math.Min(0, smallest), Ticks(Math.Min(0, smallest), largest * 1.04)[^1]);
        }

        public bool IsLogarithmic { get; }

        public void Frame(StringBuilder text) => text.Append(Invariant($"""<line class="axis" x1="{left:0.#}" y1="{top + height:0.#}" x2="{left + width:0.#}" y2="{top + height:0.#}"/>""")).Append('\n');

        public void Axes(StringBuilder text)
        {
            foreach (var tick in IsLogarithmic ? Decades() : Ticks(low, high))
            {
                var y = Vertical(IsLogarithmic ? Math.Pow(10, tick) : tick);
                text.Append(Invariant($"""<line class="grid" x1="{left:0.#}" y1="{y:0.#}" x2="{left + width:0.#}" y2="{y:0.#}"/>""")).Append('\n');
                Line(text, left - 8, y + 4, "quiet small", IsLogarithmic ? Power(tick) : tick.ToString("0.###", CultureInfo.InvariantCulture), "end");
            }

            Frame(text);
            foreach (var tick in Ticks(0, last).Where(tick => tick <= last && tick == Math.Floor(tick)))
                Line(text, Horizontal((int)tick), top + height + 18, "quiet small", tick.ToString("0", CultureInfo.InvariantCulture), "middle");
            Line(text, left + (width / 2), top + height + 36, "quiet small", "round", "middle");
        }

        public void Lines(StringBuilder text)
        {
            for (var number = 0; number < series.Count; number++)
            {
                var rounds = series[number].Rounds;
                // A picture has fewer points than a long training has rounds.
                var shown = Enumerable.Range(0, rounds.Count).Where(round => round % Math.Max(1, last / 150) == 0 || round == rounds.Count - 1).ToList();
                if (rounds.Count > 1)
                {
                    text.Append(Invariant($"""<polygon class="band f{number}" points="{Points(shown, round => rounds[round].High)} {Points(Enumerable.Reverse(shown), round => rounds[round].Low)}"/>""")).Append('\n');
                    text.Append(Invariant($"""<polyline class="line s{number}" points="{Points(shown, round => rounds[round].Middle)}"/>""")).Append('\n');
                }

                if (series[number].Ending is null)
                    continue;
                var (x, y) = rounds.Count == 0 ? (left, Vertical(double.NaN)) : (Horizontal(rounds.Count - 1), Vertical(rounds[^1].Middle));
                text.Append(Invariant($"""<path class="end s{number}" d="M{x - 5:0.#} {y - 5:0.#}l10 10m0 -10l-10 10"/>""")).Append('\n');
            }
        }

        /// <summary>The name of each line at its end, apart from the others.</summary>
        public void Names(StringBuilder text)
        {
            var places = series.Select((one, number) => (Number: number, Name: one.Ending is null ? one.Name : $"{one.Name}: {one.Ending}", X: one.Rounds.Count == 0 ? left : Horizontal(one.Rounds.Count - 1), Y: one.Rounds.Count == 0 ? Vertical(double.NaN) : Vertical(one.Rounds[^1].Middle)))
                .OrderBy(place => place.Y).ToList();
            var taken = new List<(double X, double Y)>();
            foreach (var place in places)
            {
                var y = place.Y;
                while (taken.Any(other => Math.Abs(other.X - place.X) < 160 && y - other.Y < 17 && y > other.Y - 17))
                    y += 1;
                taken.Add((place.X, y));
                Line(text, place.X + 12, Math.Min(y, top + height + 30) + 4, $"name f{place.Number}", place.Name);
            }
        }

        private string Points(IEnumerable<int> rounds, Func<int, double> value) => string.Join(' ', rounds.Select(round => Invariant($"{Horizontal(round):0.#},{Vertical(value(round)):0.#}")));

        private double Horizontal(int round) => left + (width * round / last);

        private double Vertical(double value)
        {
            var place = double.IsNaN(value) ? 0.5 : ((IsLogarithmic ? Math.Log10(Math.Max(value, 1e-300)) : value) - low) / Math.Max(high - low, 1e-12);
            return top + (height * (1 - Math.Clamp(place, 0, 1)));
        }

        private IReadOnlyList<double> Decades()
        {
            var step = Math.Max(1, (int)Math.Ceiling((high - low) / 6));
            return [.. Enumerable.Range((int)low, (int)(high - low) + 1).Where(power => (power - (int)low) % step == 0).Select(power => (double)power)];
        }

        private static string Power(double power) => power switch { >= -2 and <= 4 => Math.Pow(10, power).ToString("0.##", CultureInfo.InvariantCulture), _ => Invariant($"1e{power:0}") };

        /// <summary>Round numbers from one to beyond the other.</summary>
        private static IReadOnlyList<double> Ticks(double from, double to)
        {
            var rough = Math.Max(to - from, 1e-9) / 4;
            var unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
            var step = new[] { 1, 2, 5, 10 }.Select(factor => factor * unit).First(candidate => candidate >= rough);
            return [.. Enumerable.Range(0, 12).Select(index => Math.Round((Math.Floor(from / step) + index) * step, 10)).TakeWhile(tick => tick < to + step - (step * 1e-9))];
        }
    }
}
