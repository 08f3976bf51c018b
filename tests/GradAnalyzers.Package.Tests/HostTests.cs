using System.Collections.Immutable;
using System.IO.Compression;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Diagnostics.Telemetry;
using Xunit;

namespace GradAnalyzers.Package.Tests;

/// <summary>The packed assemblies in the oldest compiler they promise to work in, loaded as a compiler loads them.</summary>
public sealed class HostTests(PackedPackage package)
{
    [Fact]
    public async Task NoRuleRegistersAnythingInACompilationWithoutTorchSharp()
    {
        Assert.All(await RegisteredActions(withTorchSharp: false), rule => Assert.True(rule.Value == 0, $"{rule.Key} registers {rule.Value} actions"));
        // The same count where there is something to register for, so that a zero above means something.
        Assert.Contains(await RegisteredActions(withTorchSharp: true), rule => rule.Value > 0);
    }

    [Fact]
    public void EveryFixerCanBeMadeByAHostAndFixesOnlyRulesOfThePackage()
    {
        var packed = Load();
        var ids = Instances<DiagnosticAnalyzer>(packed).SelectMany(rule => rule.SupportedDiagnostics).Select(descriptor => descriptor.Id).ToHashSet();
        var fixers = Instances<CodeFixProvider>(packed);

        Assert.NotEmpty(fixers);
        Assert.All(fixers, fixer =>
        {
            var export = fixer.GetType().GetCustomAttribute<ExportCodeFixProviderAttribute>();
            Assert.NotNull(export);
            Assert.Equal([LanguageNames.CSharp], export.Languages);
            Assert.Subset(ids, fixer.FixableDiagnosticIds.ToHashSet());
            Assert.Contains(FixAllScope.Solution, fixer.GetFixAllProvider()!.GetSupportedFixAllScopes());
        });
    }

    /// <summary>For each rule, how many actions it has registered beyond looking at the compilation once.</summary>
    private async Task<Dictionary<string, int>> RegisteredActions(bool withTorchSharp)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal));
        if (withTorchSharp)
            references = references.Append(Path.Combine(Setting.PackageFolder, "torchsharp", Setting.TorchSharpVersion, "lib", "netstandard2.0", "TorchSharp.dll"));
        var compilation = CSharpCompilation.Create(
            "Program",
            [CSharpSyntaxTree.ParseText("public class Lookalike { public void step() { } }", cancellationToken: TestContext.Current.CancellationToken)],
            references.Select(path => MetadataReference.CreateFromFile(path)),
            new(OutputKind.DynamicallyLinkedLibrary));
        var rules = Instances<DiagnosticAnalyzer>(Load());
        var analysis = compilation.WithAnalyzers(rules, new AnalyzerOptions([]));

        Assert.NotEmpty(rules);
        Assert.Empty(await analysis.GetAllDiagnosticsAsync(TestContext.Current.CancellationToken));
        var counts = new Dictionary<string, int>();
        foreach (var rule in rules)
            counts.Add(rule.GetType().Name, Actions(await analysis.GetAnalyzerTelemetryInfoAsync(rule, TestContext.Current.CancellationToken)));
        return counts;

        static int Actions(AnalyzerTelemetryInfo info) => typeof(AnalyzerTelemetryInfo).GetProperties()
            .Where(property => property.Name.EndsWith("ActionsCount", StringComparison.Ordinal) && property.Name != nameof(AnalyzerTelemetryInfo.CompilationStartActionsCount))
            .Sum(property => (int)property.GetValue(info)!);
    }

    private static ImmutableArray<T> Instances<T>(IEnumerable<Assembly> assemblies) =>
    [
        .. assemblies.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type.IsSubclassOf(typeof(T)) && !type.IsAbstract)
            .Select(type => (T)Activator.CreateInstance(type)!),
    ];

    /// <summary>The package's assemblies, each read from the packed file into a context of their own.</summary>
    private IReadOnlyList<Assembly> Load()
    {
        var folder = package.NewFolder("loaded");
        ZipFile.ExtractToDirectory(package.File, folder);
        var context = new AssemblyLoadContext(nameof(HostTests));
        context.Resolving += (_, name) =>
        {
            var path = Path.Combine(folder, "analyzers", "dotnet", "cs", $"{name.Name}.dll");
            return File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        };
        return [.. Directory.EnumerateFiles(Path.Combine(folder, "analyzers", "dotnet", "cs"), "*.dll").Order().Select(context.LoadFromAssemblyPath)];
    }
}
