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
                "'CharRnn' is recurrent and is stepped without gradient clipping (reach: 14 steps); call torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) after backward "
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
    public async Task AddingThePackageChangesNoOtherPackageAndBringsAnalyzersATargetsFileAndTheMonitor()
    {
        var without = new Consumer(package, Setting.TorchSharpVersion, gradAnalyzers: false);
        var with = new Consumer(package, Setting.TorchSharpVersion);

        (await without.Build()).Succeeded();
        (await with.Build()).Succeeded();

        Assert.Contains($"TorchSharp/{Setting.TorchSharpVersion}", with.RestoredPackages());
        Assert.Equal([$"GradAnalyzers/{package.Version}"], with.RestoredPackages().Except(without.RestoredPackages()));
        Assert.Empty(without.RestoredPackages().Except(with.RestoredPackages()));
        Assert.Equal(
            [
                "build: buildTransitive/GradAnalyzers.targets",
                "compile: lib/net8.0/GradAnalyzers.Monitor.dll",
                "runtime: lib/net8.0/GradAnalyzers.Monitor.dll",
            ],
            with.AssetsOfThePackage());
    }

    [Theory]
    [InlineData("netstandard2.0", "lib/netstandard2.0/_._")]
    [InlineData("net8.0", "lib/net8.0/GradAnalyzers.Monitor.dll")]
    public async Task AProjectWithoutTorchSharpBuildsWithoutAWarning(string framework, string library)
    {
        var consumer = new Consumer(package, torchSharp: null, framework: framework).With("Code.cs", "namespace Demo { public class Code { } }");

        var build = (await consumer.Build("-warnaserror")).Succeeded();

        Assert.DoesNotContain("warning", build.Output);
        Assert.Contains($"compile: {library}", consumer.AssetsOfThePackage());
        Assert.Equal([$"GradAnalyzers/{package.Version}"], consumer.RestoredPackages().Where(name => !name.StartsWith("NETStandard.Library/") && !name.StartsWith("Microsoft.NETCore.Platforms/")));
    }

    [Fact]
    public async Task AMonitoredTrainingSaysAtRunTimeWhatTheBuildHasWarnedOf()
    {
        var consumer = new Consumer(package, Setting.TorchSharpVersion, runs: true).With("Program.cs", """
            using GradAnalyzers.Monitor;
            using TorchSharp;
            using TorchSharp.Modules;
            using static TorchSharp.torch;

            manual_seed(1);
            var model = new Classifier();
            using var monitor = new GradientMonitor(model).AddSink(new ConsoleProgress()).AddSink(new EvidenceFile("Classifier.gradients.csv"));
            var optimizer = optim.SGD(model.parameters(), 0.01);
            for (var step = 0; step < 100; step++)
            {
                optimizer.zero_grad();
                var input = randn(32, 8);
                var loss = nn.functional.mse_loss(model.call(input), input.narrow(1, 0, 1));
                loss.backward();
                monitor.Observe(loss);
                optimizer.step();
            }
            Console.WriteLine(monitor.Alerts[0]);

            public sealed class Classifier : nn.Module<Tensor, Tensor>
            {
                private readonly Sequential body = nn.Sequential(
                    nn.Linear(8, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(),
                    nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 1));

                public Classifier() : base(nameof(Classifier)) => RegisterComponents();

                public override Tensor forward(Tensor input) => body.call(input);
            }
            """);

        var build = (await consumer.Build()).Succeeded();
        var run = (await consumer.Start()).Succeeded();

        Assert.Equal("GRAD1001", Assert.Single(build.Reports).Id);
        Assert.Matches(@"warning: step \d+: vanishing at 'body\.0\.weight': .* \(GRAD1001\)", run.Output);
        Assert.Contains("# GradAnalyzers gradient evidence, version 1, model Classifier, steps 100", consumer.Read("Classifier.gradients.csv"));
        Assert.Contains("\nbody.0.weight,vanishing,", consumer.Read("Classifier.gradients.csv"));
    }

    private Consumer Consumer() => new(package, Setting.TorchSharpVersion);
}
