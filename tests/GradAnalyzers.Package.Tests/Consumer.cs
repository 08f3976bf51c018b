using System.Text.Json;

namespace GradAnalyzers.Package.Tests;

/// <summary>
/// A project of its own in a temporary folder that uses the packed package as anyone does, and the real tools run on it.
/// A run costs seconds: put many files into one consumer.
/// </summary>
public sealed class Consumer
{
    private readonly PackedPackage package;
    private readonly string folder;
    private readonly Dictionary<string, MarkedSource> sources = [];

    /// <param name="package">The package under test.</param>
    /// <param name="torchSharp">The TorchSharp version the project asks for, or null for a project without it. Managed part only, unless it is run.</param>
    /// <param name="gradAnalyzers">False for the same project without the package, to compare with.</param>
    /// <param name="framework">The framework the project is for.</param>
    /// <param name="runs">True for a program that trains: with TorchSharp's native part.</param>
    /// <param name="nativeHelp">Whether such a program asks for the help that it needs on older Linux.</param>
    public Consumer(PackedPackage package, string? torchSharp, bool gradAnalyzers = true, string framework = "net10.0", bool runs = false, bool nativeHelp = true)
    {
        this.package = package;
        folder = package.NewFolder("consumer");
        var references = new List<(string Id, string Version)>();
        if (torchSharp is not null)
            references.Add((runs ? "TorchSharp-cpu" : "TorchSharp", torchSharp));
        if (gradAnalyzers)
            references.Add(("GradAnalyzers", package.Version));

        Write("Directory.Build.props", "<Project />");
        Write("Directory.Build.targets", "<Project />");
        Write("Directory.Packages.props", "<Project />");
        Write(".editorconfig", "root = true");
        // Adds the packed folder; the user's own sources stay in force. Packages are restored to a folder of this run, and looked up in the machine's.
        Write("nuget.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{package.RestoreFolder}" /></config>
              <fallbackPackageFolders><add key="machine" value="{Setting.PackageFolder}" /></fallbackPackageFolders>
              <packageSources><add key="packed" value="{package.Source}" /></packageSources>
            </configuration>
            """);
        // NU1603: a mirror that lacks the oldest version of what TorchSharp asks for says so; that is not this package's concern.
        Write("Consumer.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>{framework}</TargetFramework>
                <OutputType>{(runs ? "Exe" : "Library")}</OutputType>
                <LangVersion>latest</LangVersion>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <NoWarn>$(NoWarn);NU1603</NoWarn>
                <NuGetAudit>false</NuGetAudit>
                {(runs && nativeHelp ? $"<GradAnalyzersNativeHelp>true</GradAnalyzersNativeHelp><NativeTorchFolder>{Path.Combine(Setting.Repository, ".native")}</NativeTorchFolder>" : "")}
              </PropertyGroup>
              <ItemGroup>
                {string.Join("\n    ", references.Select(reference => $"""<PackageReference Include="{reference.Id}" Version="{reference.Version}" />"""))}
              </ItemGroup>
            </Project>
            """);
    }

    /// <summary>Adds a source file; <c>[|...|]</c> in it marks what is to be reported.</summary>
    public Consumer With(string file, string markedSource)
    {
        sources[file] = MarkedSource.Parse(markedSource);
        Write(file, sources[file].Text);
        return this;
    }

    /// <summary>Adds a file that is no source.</summary>
    public Consumer WithFile(string file, string text)
    {
        Write(file, text);
        return this;
    }

    /// <summary>Sets properties of the project, such as <c>&lt;GradAnalyzersMode&gt;All&lt;/GradAnalyzersMode&gt;</c>.</summary>
    public Consumer WithProperties(string properties)
    {
        Write("Directory.Build.props", $"<Project><PropertyGroup>{properties}</PropertyGroup></Project>");
        return this;
    }

    /// <summary>Replaces the .editorconfig by one with these settings for C# files.</summary>
    public Consumer WithEditorConfig(string settings)
    {
        Write(".editorconfig", $"root = true\n[*.cs]\n{settings}\n");
        return this;
    }

    /// <summary>The marked places of all files as (file, line, column), in the order in which <see cref="Run.Reports"/> gives them.</summary>
    public IEnumerable<(string File, int Line, int Column)> Marks =>
        sources.SelectMany(source => source.Value.Marks.Select(mark => (source.Key, mark.Line, mark.Column))).Order();

    public Task<Run> Build(params string[] arguments) =>
        Tool.DotNet(folder, ["build", "--no-incremental", "-nologo", "-tl:off", "-clp:NoSummary", .. arguments]);

    public Task<Run> FormatAnalyzers(params string[] arguments) => Tool.DotNet(folder, ["format", "analyzers", .. arguments]);

    /// <summary>Runs the built program.</summary>
    public Task<Run> Start() => Tool.Start(folder, Path.Combine(folder, "bin", "Debug", "net10.0", OperatingSystem.IsWindows() ? "Consumer.exe" : "Consumer"));

    public string Read(string file) => File.ReadAllText(Path.Combine(folder, file));

    /// <summary>Every source file with its present text.</summary>
    public IReadOnlyDictionary<string, string> Texts => sources.Keys.ToDictionary(file => file, Read);

    /// <summary>Every package that restore chose, as <c>id/version</c>.</summary>
    public IReadOnlyList<string> RestoredPackages()
    {
        using var assets = Assets();
        return [.. assets.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name).Order(StringComparer.Ordinal)];
    }

    /// <summary>What restore takes from this package besides its analyzers, as <c>kind: file</c>, such as <c>compile: lib/net8.0/x.dll</c> or <c>dependencies: y</c>.</summary>
    public IReadOnlyList<string> AssetsOfThePackage()
    {
        using var assets = Assets();
        var target = assets.RootElement.GetProperty("targets").EnumerateObject().First().Value;
        return
        [
            .. target.GetProperty($"GradAnalyzers/{package.Version}").EnumerateObject().Where(kind => kind.Name != "type")
                .SelectMany(kind => kind.Value.EnumerateObject().Select(asset => $"{kind.Name}: {asset.Name}")).Order(StringComparer.Ordinal),
        ];
    }

    private JsonDocument Assets() => JsonDocument.Parse(Read("obj/project.assets.json"));

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, file))!);
        File.WriteAllText(Path.Combine(folder, file), text);
    }
}
