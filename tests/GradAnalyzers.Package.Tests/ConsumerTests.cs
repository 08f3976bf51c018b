using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>How the package behaves in a project: severities, suppressions, and what it does to a project that it has nothing to say to.</summary>
public sealed class ConsumerTests(PackedPackage package)
{
    /// <summary>One recurrent model and one loop that steps it without clipping.</summary>
    private const string Unclipped = """
        using TorchSharp;
        using static TorchSharp.torch;

        namespace Demo;

        public sealed class CharRnn : nn.Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.GRU gru = nn.GRU(16, 32);

            public CharRnn() : base(nameof(CharRnn)) => RegisterComponents();

            public override Tensor forward(Tensor input) => gru.call(input).Item1;
        }

        public static class Training
        {
            public static void Run(Tensor input, Tensor target)
            {
                var model = new CharRnn();
                var optimizer = optim.Adam(model.parameters());
                optimizer.zero_grad();
                nn.functional.mse_loss(model.call(input), target).backward();
                [|optimizer.step()|];
            }
        }
        """;

    [Fact]
    public async Task BuildPrintsTheWarningWithFileLineAndColumn()
    {
        var consumer = Consumer().With("Training.cs", Unclipped);

        var build = (await consumer.Build()).Succeeded();

        Assert.Equal(
            new Diagnostic("Training.cs", 23, 9, "warning", "GRAD2001",
                "'CharRnn' is recurrent and is stepped without gradient clipping; its gradients may explode during training. "
                + "Call torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) after backward. "
                + "(https://github.com/GradAnalyzers/GradAnalyzers/blob/main/docs/rules/GRAD2001.md)"),
            Assert.Single(build.Reports));
    }

    [Fact]
    public async Task WarningsAsErrorsFailTheBuild()
    {
        var build = (await Consumer().With("Training.cs", Unclipped).Build("-warnaserror")).Exited(1);

        Assert.Equal(("error", "GRAD2001"), Assert.Single(build.Reports.Select(report => (report.Severity, report.Id))));
    }

    [Fact]
    public async Task SeverityInEditorConfigIsObeyed()
    {
        var consumer = Consumer().With("Training.cs", Unclipped);

        var error = (await consumer.WithEditorConfig("dotnet_diagnostic.GRAD2001.severity = error").Build()).Exited(1);
        var none = (await consumer.WithEditorConfig("dotnet_diagnostic.GRAD2001.severity = none").Build()).Succeeded();

        Assert.Equal(("error", "GRAD2001"), Assert.Single(error.Reports.Select(report => (report.Severity, report.Id))));
        Assert.Empty(none.Reports);
    }

    [Fact]
    public async Task PragmaAndSuppressMessageSilenceOneLoop()
    {
        const string Step = "        [|optimizer.step()|];\n";
        const string Method = "    public static void Run(";
        var consumer = Consumer()
            .With("Reported.cs", Unclipped)
            .With("Pragma.cs", InNamespace("Pragma").Replace(Step, $"#pragma warning disable GRAD2001\n{Unmarked(Step)}#pragma warning restore GRAD2001\n"))
            .With("Attribute.cs", Unmarked(InNamespace("Attribute")).Replace(Method,
                $"    [System.Diagnostics.CodeAnalysis.SuppressMessage(\"Training\", \"GRAD2001\", Justification = \"short sequences\")]\n{Method}"));

        var build = (await consumer.Build()).Succeeded();

        Assert.Contains("#pragma", consumer.Read("Pragma.cs"));
        Assert.Contains("SuppressMessage", consumer.Read("Attribute.cs"));
        Assert.Equal(consumer.Marks, build.Reports.Select(report => (report.File, report.Line, report.Column)));
        Assert.Equal("Reported.cs", Assert.Single(build.Reports).File);

        static string InNamespace(string name) => Unclipped.Replace("namespace Demo;", $"namespace {name};");
        static string Unmarked(string text) => text.Replace("[|", "").Replace("|]", "");
    }

    [Fact]
    public async Task FormatKeepsTabsCommentsAndCarriageReturns()
    {
        const string Step = "\t\t/* the step */ [|optimizer.step()|]; // kept\r\n";
        var source = Unclipped.ReplaceLineEndings("\r\n").Replace("    ", "\t").Replace("\t\t[|optimizer.step()|];\r\n", Step);
        var consumer = Consumer().With("Training.cs", source);
        var before = consumer.Read("Training.cs");

        (await consumer.FormatAnalyzers()).Succeeded();

        Assert.Contains(Step, source);
        Assert.Equal(
            before.Replace("\t\t/* the step */", "\t\ttorch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);\r\n\t\t/* the step */"),
            consumer.Read("Training.cs"));
    }

    [Fact]
    public async Task AProjectWithoutTorchSharpGetsNoReport()
    {
        var consumer = new Consumer(package, torchSharp: null).With("Lookalike.cs", """
            namespace Demo;

            public sealed class GRU { public object call(object input) => input; }

            public sealed class Optimizer { public void step() { } }

            public static class Training
            {
                public static void Run()
                {
                    var model = new GRU();
                    model.call(new object());
                    new Optimizer().step();
                }
            }
            """);

        var build = (await consumer.Build("-p:ReportAnalyzer=true", "-v:detailed")).Succeeded();

        // The compiler's own table says that our rules were there.
        Assert.Contains("GradAnalyzers.Rules.", build.Output);
        Assert.Empty(build.Reports);
    }

    [Fact]
    public async Task AddingThePackageChangesNoOtherPackageAndBringsOnlyAnalyzers()
    {
        var without = new Consumer(package, Setting.TorchSharpVersion, gradAnalyzers: false);
        var with = new Consumer(package, Setting.TorchSharpVersion);

        (await without.Build()).Succeeded();
        (await with.Build()).Succeeded();

        Assert.Contains($"TorchSharp/{Setting.TorchSharpVersion}", with.RestoredPackages());
        Assert.Equal([$"GradAnalyzers/{package.Version}"], with.RestoredPackages().Except(without.RestoredPackages()));
        Assert.Empty(without.RestoredPackages().Except(with.RestoredPackages()));
        Assert.Empty(with.AssetsOfThePackage());
    }

    private Consumer Consumer() => new(package, Setting.TorchSharpVersion);
}
