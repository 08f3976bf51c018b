using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>
/// The files of Cases/, all in one consumer project, through one build and one <c>dotnet format analyzers</c>.
/// A new rule adds <c>Cases/GRADnnnn.What.cs</c>, in which <c>[|...|]</c> marks each report, and <c>Cases/GRADnnnn.What.fixed.cs</c>, what the fix
/// makes of it; a file without a fixed form must come through unchanged. <c>Cases/*.gradients.csv</c> are evidence files beside them.
/// </summary>
public sealed class CaseTests(CaseTests.AllCases cases) : IClassFixture<CaseTests.AllCases>
{
    public static TheoryData<string> Files { get; } = new(Case.All.Select(one => one.File));

    [Theory]
    [MemberData(nameof(Files))]
    public void BuildReportsWhatIsMarkedAndNothingElse(string file) =>
        Assert.Equal(
            cases.Consumer.Marks.Where(mark => mark.File == file).Select(mark => (file[..8], mark.Line, mark.Column)),
            cases.Build.Reports.Where(report => report.File == file).Select(report => (report.Id, report.Line, report.Column)));

    [Theory]
    [MemberData(nameof(Files))]
    public void FormatMakesOfItTheFixedForm(string file) =>
        Assert.Equal(Case.All.Single(one => one.File == file).Fixed, cases.Formatted[file]);

    [Fact]
    public void VerifyNoChangesExitsWithTwo() => cases.Verify.Exited(2);

    [Fact]
    public void TheFixedProjectBuildsAndReportsOnlyWhatHasNoFix() =>
        Assert.Equal(
            Case.All.SelectMany(one => one.Unfixable).Order(),
            cases.BuildOfFormatted.Succeeded().Reports.Select(report => (report.File, report.Line, report.Column)));

    [Fact]
    public void ASecondFormatChangesNothing() => Assert.Equal(cases.Formatted, cases.FormattedAgain);

    /// <param name="File">Its name in the consumer.</param>
    /// <param name="Source">What the consumer is given, with marks.</param>
    /// <param name="Fixed">What it is to become, without marks.</param>
    /// <param name="Unfixable">The marks in the fixed form: what is still reported there.</param>
    private sealed record Case(string File, string Source, string Fixed, IEnumerable<(string File, int Line, int Column)> Unfixable)
    {
        private const string FixedEnding = ".fixed.cs";

        public static IReadOnlyList<Case> All { get; } =
        [
            .. from path in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Cases"), "GRAD????.*.cs")
               where !path.EndsWith(FixedEnding, StringComparison.Ordinal)
               let file = Path.GetFileName(path)
               let source = System.IO.File.ReadAllText(path)
               let fixedPath = Path.ChangeExtension(path, null) + FixedEnding
               let fixedForm = MarkedSource.Parse(System.IO.File.Exists(fixedPath) ? System.IO.File.ReadAllText(fixedPath) : source)
               orderby file
               select new Case(file, source, fixedForm.Text, [.. fixedForm.Marks.Select(mark => (file, mark.Line, mark.Column))]),
        ];
    }

    /// <summary>The one consumer of all cases, and what each step on it gave.</summary>
    public sealed class AllCases(PackedPackage package) : IAsyncLifetime
    {
        /// <summary>The rules that report suggestions: a build does not print those, and a plain <c>dotnet format</c> leaves them alone.</summary>
        private static readonly string Raised = string.Join('\n', new[] { "GRAD2006", "GRAD3002", "GRAD4005", "GRAD9004" }.Select(rule => $"dotnet_diagnostic.{rule}.severity = warning"));

        public Consumer Consumer { get; } = Case.All.Aggregate(
            new Consumer(package, Setting.TorchSharpVersion).WithEditorConfig(Raised), (consumer, one) => consumer.With(one.File, one.Source));

        public Run Build { get; private set; } = null!;

        public Run Verify { get; private set; } = null!;

        public IReadOnlyDictionary<string, string> Formatted { get; private set; } = null!;

        public Run BuildOfFormatted { get; private set; } = null!;

        public IReadOnlyDictionary<string, string> FormattedAgain { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            foreach (var evidence in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Cases"), "*.gradients.csv"))
                Consumer.WithFile(Path.GetFileName(evidence), await System.IO.File.ReadAllTextAsync(evidence));
            Build = (await Consumer.Build()).Succeeded();
            Verify = await Consumer.FormatAnalyzers("--verify-no-changes");
            (await Consumer.FormatAnalyzers()).Succeeded();
            Formatted = Consumer.Texts;
            BuildOfFormatted = await Consumer.Build();
            (await Consumer.FormatAnalyzers()).Succeeded();
            FormattedAgain = Consumer.Texts;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
