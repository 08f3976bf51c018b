using GradAnalyzers.Tests.Evidence;
using Xunit;
using static GradAnalyzers.Tests.Evidence.MeasuredProgram;

namespace GradAnalyzers.Tests.Rules.HeldOut.Evidence;

/// <summary>Held out: files that are torn, foreign, hostile or merely odd, written before the reader was. Which lines are reported, and whether what the rest says still counts.</summary>
public sealed class HostileEvidenceHeldOutTests
{
    private const string Model = """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear fc1 = Linear(8, 16);
            private readonly Linear fc2 = Linear(16, 16);
            private readonly Linear fc3 = Linear(16, 2);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => fc3.forward(functional.relu(fc2.forward(functional.relu(fc1.forward(x)))));
        }
        """;

    private static readonly string[] Rows =
    [
        Row("fc1.weight", "vanishing", 1e-6), Row("fc1.bias", "healthy", 1e-6), Row("fc2.weight", "healthy", 0.1), Row("fc2.bias", "healthy", 0.1),
        Row("fc3.weight", "healthy", 0.5), Row("fc3.bias", "healthy", 0.5),
    ];

    private static string Good => MeasuredProgram.File("Net", Rows);

    private static string Instead(int row, string text) => MeasuredProgram.File("Net", [.. Rows.Select((old, index) => index == row ? text : old)]);

    public static TheoryData<string> Names { get; } = new(Cases.Select(one => one.Name));

    private static IEnumerable<(string Name, string Text, int[] Lines, bool Counts)> Cases =>
    [
        ("as it is written", Good, [], true),
        ("carriage returns", Good.Replace("\n", "\r\n"), [], true),
        ("a byte order mark", "\uFEFF" + Good, [], true),
        ("no line end at the end", Good.TrimEnd('\n'), [], true),
        ("blank lines at the end", Good + "\n\n", [], true),
        ("a newer column at the end", Good.Replace(",predicted\n", ",predicted,device\n").Replace("\n", ",cpu\n").Replace("100,cpu\n", "100\n").Replace("device,cpu\n", "device\n"), [], true),
        ("quoted fields", Good.Replace("fc2.weight", "\"fc2.weight\"").Replace("model Net,", "model \"Net\","), [], true),
        ("commas that a spreadsheet adds to the first line", Good.Replace("observations 100\n", "observations 100,,,,,,,\n"), [], true),
        ("torn in the last row", Instead(5, "fc3.bias,healthy,10"), [8], true),
        ("a number with two points", Instead(5, Rows[5].Replace("0.5", "0.5.1")), [8], true),
        ("decimal commas", Instead(5, Rows[5].Replace("0.5", "0,5")), [8], true),
        ("a norm below zero", Instead(5, Rows[5].Replace("0.5", "-0.5")), [8], true),
        ("not a number", Instead(5, Rows[5].Replace("0.5", "NaN")), [8], true),
        ("a number that is too large for any double", Instead(5, Rows[5].Replace("0.5", "1e999")), [8], true),
        ("a verdict that does not exist", Instead(5, Rows[5].Replace("healthy", "splendid")), [8], true),
        ("the same parameter twice", MeasuredProgram.File("Net", [.. Rows, Row("fc1.weight", "healthy", 1)]), [9], true),
        ("a quote that never ends", Instead(5, "\"fc3.bias,healthy,10,1000"), [8], true),
        ("a path out of the folder", MeasuredProgram.File("Net", [.. Rows, Row("../../etc/passwd", "vanishing", 1)]), [9], true),
        ("a name without end", MeasuredProgram.File("Net", [.. Rows, Row(new string('a', 20_000), "vanishing", 1)]), [9], true),
        ("a character that could not be decoded", Instead(5, Rows[5].Replace("fc3", "f\uFFFD3")), [8], true),
        ("zero bytes", Good.Replace("fc3", "fc\03"), [1], false),
        ("empty", "", [1], false),
        ("another CSV", "date,value\n2024-01-01,3\n2024-01-02,4\n", [1], false),
        ("a newer version", Good.Replace("version 1,", "version 2,"), [1], false),
        ("a version that is no number", Good.Replace("version 1,", "version one,"), [1], false),
        ("no model", Good.Replace("model Net,", "model ,"), [1], false),
        ("a column less", Good.Replace("parameter,verdict,", "parameter,"), [2], false),
        ("no columns", Good.Split('\n')[0] + "\n", [1], false),
        ("columns and no rows", MeasuredProgram.File("Net"), [], false),
        ("megabytes", MeasuredProgram.File("Net", [.. Rows, .. Enumerable.Range(0, 90_000).Select(i => Row($"other.{i}.weight", "healthy", 1))]), [1], false),
        ("a line of megabytes", MeasuredProgram.File("Net", [.. Rows, new string(',', 1_000_000)]), [9], true),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task WhatIsWrongIsReportedAndTheRestCounts(string name)
    {
        var (_, text, lines, counts) = Cases.Single(one => one.Name == name);
        var program = new MeasuredProgram(Model, ("Net.gradients.csv", text));

        Assert.Equal(lines, await program.Lines());
        Assert.Equal(counts ? 1 : 0, (await program.Messages("GRAD9001")).Length);
    }

    [Fact]
    public async Task ThousandsOfBadRowsAreAFewReports() =>
        Assert.InRange((await new MeasuredProgram(Model, ("Net.gradients.csv", MeasuredProgram.File("Net", [.. Enumerable.Range(0, 5_000).Select(i => $"w{i},nonsense")]))).Lines()).Length, 1, 30);

    [Fact]
    public async Task HundredsOfFilesAreReadUpToABound() =>
        Assert.NotEmpty(await new MeasuredProgram(Model, [.. Enumerable.Range(0, 500).Select(i => ($"Net{i:D3}.gradients.csv", Good))]).Lines());
}
