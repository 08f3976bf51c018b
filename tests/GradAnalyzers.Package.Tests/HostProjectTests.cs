using System.Text.Json;
using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>Ways to have the package other than a reference in one C# project, and what tools other than a terminal read of its reports.</summary>
public sealed class HostProjectTests(PackedPackage package)
{
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
                optimizer.step();
            }
        }
        """;

    [Fact]
    public async Task AFileBasedApp()
    {
        var folder = Folder("app");
        await Write(folder, "app.cs", $$"""
            #:package TorchSharp@{{Setting.TorchSharpVersion}}
            #:package GradAnalyzers@{{package.Version}}
            #:property NuGetAudit=false
            #:property NoWarn=NU1603

            using TorchSharp;
            using static TorchSharp.torch;

            var model = nn.GRU(16, 32);
            var optimizer = optim.Adam(model.parameters());
            optimizer.zero_grad();
            nn.functional.mse_loss(model.call(zeros(4, 2, 16)).Item1, zeros(4, 2, 32)).backward();
            optimizer.step();
            """);

        var build = (await Tool.DotNet(folder, "build", "app.cs", "-nologo", "-tl:off")).Succeeded();

        Assert.Equal(("app.cs", 13, "GRAD2001"), Assert.Single(build.Reports.Select(report => (report.File, report.Line, report.Id))));
    }

    [Fact]
    public async Task APackageForAllProjectsOfASolutionOfThreeLanguages()
    {
        var folder = Folder("solution");
        await Write(folder, "Directory.Packages.props", $"""
            <Project>
              <PropertyGroup><ManagePackageVersionsCentrally>true</ManagePackageVersionsCentrally></PropertyGroup>
              <ItemGroup>
                <GlobalPackageReference Include="GradAnalyzers" Version="{package.Version}" />
                <PackageVersion Include="TorchSharp" Version="{Setting.TorchSharpVersion}" />
              </ItemGroup>
            </Project>
            """);
        await Write(folder, "Loops/Loops.csproj", Project("""<PackageReference Include="TorchSharp" />"""));
        await Write(folder, "Loops/Training.cs", Unclipped);
        await Write(folder, "Basic/Basic.vbproj", Project(""));
        await Write(folder, "Basic/Code.vb", "Public Class Code\nEnd Class\n");
        await Write(folder, "Functional/Functional.fsproj", Project("""<Compile Include="Code.fs" />"""));
        await Write(folder, "Functional/Code.fs", "namespace Functional\n");
        await Write(folder, "All.slnx", """<Solution><Project Path="Loops/Loops.csproj" /><Project Path="Basic/Basic.vbproj" /><Project Path="Functional/Functional.fsproj" /></Solution>""");

        var build = (await Tool.DotNet(folder, "build", "All.slnx", "-nologo", "-tl:off")).Succeeded();
        var format = (await Tool.DotNet(folder, "format", "analyzers", "All.slnx", "--no-restore")).Succeeded();

        Assert.Equal("GRAD2001", Assert.Single(build.Reports).Id);
        Assert.DoesNotContain("error", format.Output);
        Assert.Contains("clip_grad_norm_(model.parameters(), max_norm: 1.0)", await File.ReadAllTextAsync(Path.Combine(folder, "Loops", "Training.cs"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task APrivateAssetStaysInItsProject()
    {
        var folder = Folder("private");
        await Write(folder, "Library/Library.csproj", Project($"""<PackageReference Include="TorchSharp" Version="{Setting.TorchSharpVersion}" /><PackageReference Include="GradAnalyzers" Version="{package.Version}" PrivateAssets="all" />"""));
        await Write(folder, "Library/Training.cs", Unclipped);
        await Write(folder, "User/User.csproj", Project("""<ProjectReference Include="../Library/Library.csproj" />"""));
        await Write(folder, "User/Training.cs", Unclipped.Replace("namespace Demo;", "namespace User;"));

        var build = (await Tool.DotNet(folder, "build", "User", "-nologo", "-tl:off")).Succeeded();

        Assert.EndsWith(Path.Combine("Library", "Training.cs") + "(23,9): warning GRAD2001", Assert.Single(build.Output.Split('\n').Select(line => line.Split(": '")[0]).Where(line => line.Contains("GRAD", StringComparison.Ordinal)).Distinct()));
        Assert.DoesNotContain("GradAnalyzers", await File.ReadAllTextAsync(Path.Combine(folder, "User", "obj", "project.assets.json"), TestContext.Current.CancellationToken)
            is var assets ? assets[assets.IndexOf("\"libraries\"", StringComparison.Ordinal)..assets.IndexOf("\"packageFolders\"", StringComparison.Ordinal)] : "");
    }

    [Fact]
    public async Task AnUnknownCatalogueNamesThoseThereAre()
    {
        var build = (await new Consumer(package, torchSharp: null).WithProperties("<GradAnalyzersCatalogues>Nope;TensorFlow.NET</GradAnalyzersCatalogues>").With("Code.cs", "public class Code { }").Build()).Exited(1);

        Assert.Contains("error GRAD0001: GradAnalyzersCatalogues names 'Nope'; the package has 'TensorFlow.NET'.", build.Output);
        Assert.DoesNotContain("CS2001", build.Output);
    }

    [Fact]
    public async Task AKnownCatalogueIsRead() =>
        (await new Consumer(package, torchSharp: null).WithProperties("<GradAnalyzersCatalogues>TensorFlow.NET</GradAnalyzersCatalogues>").With("Code.cs", "public class Code { }").Build("-warnaserror")).Succeeded();

    [Fact]
    public async Task AnOptionIsReportedAtItsLine()
    {
        var build = (await new Consumer(package, Setting.TorchSharpVersion).With("Training.cs", Unclipped)
            .WithEditorConfig("gradanalyzers.vanishing_rate = 0.1").Build()).Succeeded();

        Assert.Equal((".editorconfig", 3, "'gradanalyzers.vanishing_rate' is no option; did you mean 'gradanalyzers.vanishing_ratio'?"),
            Assert.Single(build.Reports.Where(report => report.Id == "GRAD0001").Select(report => (report.File, report.Line, report.Message.Split(" (http")[0]))));
    }

    [Fact]
    public async Task AnOptionOfAFolderIsReportedThere()
    {
        var build = (await new Consumer(package, Setting.TorchSharpVersion).With("Training.cs", Unclipped).With("Models/Small.cs", "public class Small { }")
            .WithFile("Models/.editorconfig", "# smaller here\n[*.cs]\nindent_size = 4\ngradanalyzers.vanishing_ratio = 2\n")
            .WithEditorConfig("gradanalyzers.vanishing_ratio = 0.1").Build()).Succeeded();

        Assert.Equal((".editorconfig", 4, "'2' is no value of 'gradanalyzers.vanishing_ratio'; write a number above 0 and up to 1"),
            Assert.Single(build.Reports.Where(report => report.Id == "GRAD0001").Select(report => (report.File, report.Line, report.Message.Split(" (http")[0]))));
    }

    /// <summary>With the help the program runs (see ConsumerTests); without it, it cannot where the system's C++ library is old.</summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("<GradAnalyzersNativeHelp>false</GradAnalyzersNativeHelp>", false)]
    public async Task WhereTorchSharpWillNotLoadTheBuildSaysSo(string properties, bool says)
    {
        const string Library = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6";
        var isOld = OperatingSystem.IsLinux() && File.Exists(Library) && !(await File.ReadAllTextAsync(Library, TestContext.Current.CancellationToken)).Contains("GLIBCXX_3.4.32", StringComparison.Ordinal);
        var consumer = new Consumer(package, Setting.TorchSharpVersion, runs: true, nativeHelp: false).WithProperties(properties).With("Program.cs", "Console.WriteLine();");

        var build = (await consumer.Build("-warnaserror")).Succeeded();

        Assert.Equal(isOld && says, build.Output.Contains("<GradAnalyzersNativeHelp>true</GradAnalyzersNativeHelp> in the project helps", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ALogForOtherToolsHasTagsAPlaceAndTheModel()
    {
        var consumer = new Consumer(package, Setting.TorchSharpVersion).With("Training.cs", Unclipped).WithEditorConfig("gradanalyzers.vanishing_rate = 0.1");

        (await consumer.Build("-p:ErrorLog=log.sarif%2Cversion=2.1")).Succeeded();

        using var log = JsonDocument.Parse(consumer.Read("log.sarif"));
        var run = log.RootElement.GetProperty("runs")[0];
        var results = run.GetProperty("results").EnumerateArray().Where(result => result.GetProperty("ruleId").GetString()!.StartsWith("GRAD", StringComparison.Ordinal)).ToArray();
        Assert.Equal(["GRAD0001", "GRAD2001"], results.Select(result => result.GetProperty("ruleId").GetString()).Order());
        Assert.All(results, result => Assert.NotEmpty(result.GetProperty("locations").EnumerateArray()));
        var loop = results.Single(result => result.GetProperty("ruleId").GetString() == "GRAD2001");
        var place = Line(loop.GetProperty("locations")[0]);
        Assert.Equal(23, place);
        Assert.Equal([6, 19], loop.GetProperty("relatedLocations").EnumerateArray().Select(Line).Order());
        var rule = run.GetProperty("tool").GetProperty("driver").GetProperty("rules").EnumerateArray().Single(rule => rule.GetProperty("id").GetString() == "GRAD2001");
        Assert.Equal(["deep-learning", "gradients", "Training"], rule.GetProperty("properties").GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));

        static int Line(JsonElement location) => location.GetProperty("physicalLocation").GetProperty("region").GetProperty("startLine").GetInt32();
    }

    /// <summary>The model in one project, a helper in a second, the loop in a third: the loop's project is warned and fixed as if all were in one.</summary>
    [Fact]
    public async Task AModelOfAnotherProject()
    {
        var folder = Folder("border");
        var packages = $"""<PackageReference Include="TorchSharp" Version="{Setting.TorchSharpVersion}" /><PackageReference Include="GradAnalyzers" Version="{package.Version}" />""";
        await Write(folder, "Models/Models.csproj", Project(packages));
        await Write(folder, "Models/CharRnn.cs", Unclipped[..Unclipped.IndexOf("public static class Training", StringComparison.Ordinal)] + """
            public static class Factory { public static nn.Module<Tensor, Tensor> Make() => new CharRnn(); }
            """);
        await Write(folder, "Helpers/Helpers.csproj", Project(packages));
        await Write(folder, "Helpers/Gradients.cs", """
            using TorchSharp;
            using static TorchSharp.torch;

            namespace Demo;

            public static class Gradients { public static void Limit(nn.Module<Tensor, Tensor> model) => nn.utils.clip_grad_norm_(model.parameters(), 1.0); }
            """);
        await Write(folder, "Training/Training.csproj", Project(packages + """<ProjectReference Include="../Models/Models.csproj" /><ProjectReference Include="../Helpers/Helpers.csproj" />"""));
        var own = "using TorchSharp;\nusing static TorchSharp.torch;\n\nnamespace Demo;\n\n" + Unclipped[Unclipped.IndexOf("public static class Training", StringComparison.Ordinal)..];
        await Write(folder, "Training/Training.cs", own);
        await Write(folder, "Training/Made.cs", own.Replace("class Training", "class Made").Replace("new CharRnn()", "Factory.Make()"));
        await Write(folder, "Training/Limited.cs", own.Replace("class Training", "class Limited").Replace("        optimizer.step();", "        Gradients.Limit(model);\n        optimizer.step();"));

        var build = (await Tool.DotNet(folder, "build", "Training/Training.csproj", "-nologo", "-tl:off")).Succeeded();
        Assert.Equal([("Made.cs", 14, "GRAD2001"), ("Training.cs", 14, "GRAD2001")], build.Reports.Select(report => (report.File, report.Line, report.Id)));

        var off = (await Tool.DotNet(folder, "build", "Training/Training.csproj", "-nologo", "-tl:off", "--no-incremental", "-p:GradAnalyzersFacts=false")).Succeeded();
        Assert.Empty(off.Reports);

        (await Tool.DotNet(folder, "format", "analyzers", "Training/Training.csproj", "--diagnostics", "GRAD2001")).Succeeded();
        Assert.Contains("clip_grad_norm_(model.parameters()", await File.ReadAllTextAsync(Path.Combine(folder, "Training/Training.cs"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("clip_grad_norm_(model.parameters()", await File.ReadAllTextAsync(Path.Combine(folder, "Training/Made.cs"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.DoesNotContain("clip_grad_norm_", await File.ReadAllTextAsync(Path.Combine(folder, "Training/Limited.cs"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    /// <summary>Blocks in one project, a trainer in a second, the stack in a third: the third is warned where it makes the stack, and fixed where it has the layers.</summary>
    [Fact]
    public async Task BlocksAndATrainerOfOtherProjects()
    {
        const string Usings = "using TorchSharp;\nusing TorchSharp.Modules;\nusing static TorchSharp.torch;\nusing static TorchSharp.torch.nn;\n\nnamespace Demo;\n\n";
        var folder = Folder("blocks");
        var packages = $"""<PackageReference Include="TorchSharp" Version="{Setting.TorchSharpVersion}" /><PackageReference Include="GradAnalyzers" Version="{package.Version}" />""";
        await Write(folder, "Models/Models.csproj", Project(packages));
        await Write(folder, "Models/Blocks.cs", Usings + """
            public sealed class SigmoidBlock : nn.Module<Tensor, Tensor>
            {
                private readonly Linear _fc;
                public SigmoidBlock(long width) : base(nameof(SigmoidBlock)) { _fc = Linear(width, width); RegisterComponents(); }
                public override Tensor forward(Tensor x) => torch.sigmoid(_fc.forward(x));
            }

            public static class Blocks { public static nn.Module<Tensor, Tensor> Saturating(long width) => Sequential(Linear(width, width), Sigmoid()); }
            """);
        await Write(folder, "Helpers/Helpers.csproj", Project(packages));
        await Write(folder, "Helpers/Trainer.cs", Usings + """
            public static class Trainer
            {
                public static void Fit(nn.Module<Tensor, Tensor> model, Tensor x, Tensor y)
                {
                    var optimizer = torch.optim.Adam(model.parameters());
                    for (var epoch = 0; epoch < 10; epoch++)
                    {
                        optimizer.zero_grad();
                        nn.functional.cross_entropy(model.forward(x), y).backward();
                        optimizer.step();
                    }
                }
            }
            """);
        await Write(folder, "Training/Training.csproj", Project(packages + """<ProjectReference Include="../Models/Models.csproj" /><ProjectReference Include="../Helpers/Helpers.csproj" />"""));
        await Write(folder, "Training/Recurrent.cs", Usings + """
            public sealed class CharRnn : nn.Module<Tensor, Tensor>
            {
                private readonly GRU _gru = GRU(16, 16);
                public CharRnn() : base(nameof(CharRnn)) => RegisterComponents();
                public override Tensor forward(Tensor x) => _gru.call(x).Item1;
            }

            public static class Recurrent
            {
                public static void Run(Tensor x, Tensor y) => Trainer.Fit(new CharRnn(), x, y);
            }
            """);
        await Write(folder, "Training/Stack.cs", Usings + $$"""
            public static class Stack
            {
                public static void Run(Tensor x, Tensor y) => Trainer.Fit(Sequential(
                    {{string.Join(",\n        ", Enumerable.Range(0, 9).Select(index => index % 2 == 0 ? "new SigmoidBlock(64)" : "Blocks.Saturating(64)"))}},
                    Linear(64, 10)), x, y);
            }
            """);
        await Write(folder, "Training/Own.cs", Usings + $$"""
            public static class Own
            {
                public static void Run(Tensor x, Tensor y)
                {
                    var model = Sequential({{string.Concat(Enumerable.Repeat("Linear(64, 64), Sigmoid(), ", 9))}}Linear(64, 10));
                    Trainer.Fit(model, x, y);
                }
            }
            """);

        var build = (await Tool.DotNet(folder, "build", "Training/Training.csproj", "-nologo", "-tl:off")).Succeeded();
        Assert.Equal([("Own.cs", 12, "GRAD1001"), ("Recurrent.cs", 17, "GRAD2001"), ("Stack.cs", 11, "GRAD1001")], build.Reports.Select(report => (report.File, report.Line, report.Id)));

        var stack = await File.ReadAllTextAsync(Path.Combine(folder, "Training/Stack.cs"), TestContext.Current.CancellationToken);
        (await Tool.DotNet(folder, "format", "analyzers", "Training/Training.csproj", "--diagnostics", "GRAD1001")).Succeeded();
        Assert.DoesNotMatch(@"Linear\(64, 64\), Sigmoid", await File.ReadAllTextAsync(Path.Combine(folder, "Training/Own.cs"), TestContext.Current.CancellationToken));
        Assert.Equal(stack, await File.ReadAllTextAsync(Path.Combine(folder, "Training/Stack.cs"), TestContext.Current.CancellationToken));
    }

    /// <summary>A folder with nothing but the package's source.</summary>
    private string Folder(string name)
    {
        var folder = package.NewFolder(name);
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), "<Project />");
        File.WriteAllText(Path.Combine(folder, "Directory.Build.targets"), "<Project />");
        File.WriteAllText(Path.Combine(folder, ".editorconfig"), "root = true");
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{package.RestoreFolder}" /></config>
              <fallbackPackageFolders><add key="machine" value="{Setting.PackageFolder}" /></fallbackPackageFolders>
              <packageSources><add key="packed" value="{package.Source}" /></packageSources>
            </configuration>
            """);
        return folder;
    }

    private static string Project(string items, string properties = "") => $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup><TargetFramework>net10.0</TargetFramework><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings><NoWarn>$(NoWarn);NU1603</NoWarn><NuGetAudit>false</NuGetAudit>{properties}</PropertyGroup>
          <ItemGroup>{items}</ItemGroup>
        </Project>
        """;

    private static Task Write(string folder, string file, string text)
    {
        var path = Path.Combine(folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
    }
}
