using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>The compiler in this process, warm: what binding and analyzing take once everything is compiled just in time.</summary>
internal static class WarmCompiler
{
    /// <summary>The framework and TorchSharp.</summary>
    public static ImmutableArray<MetadataReference> References { get; } =
        [.. Directory.GetFiles(CompilerRun.Metadata("ReferencePack"), "*.dll").Append(typeof(TorchSharp.torch).Assembly.Location).Select(path => MetadataReference.CreateFromFile(path))];

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest, DocumentationMode.Parse);

    /// <summary>What projects with ImplicitUsings see.</summary>
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;";

    /// <summary>A compilation of sources, parsed anew: what an earlier run knew of its trees is of no use to it.</summary>
    public static CSharpCompilation Compile(IEnumerable<(string Path, string Text)> files) => Compile(files, References);

    /// <summary>The same of a repository. What cannot be had makes compiler errors, which are part of the material.</summary>
    public static CSharpCompilation Compile(Repository repository) => Compile(repository.Sources, repository.References);

    private static CSharpCompilation Compile(IEnumerable<(string Path, string Text)> files, ImmutableArray<MetadataReference> references) => CSharpCompilation.Create("Measured",
        files.Append(("ImplicitUsings.cs", ImplicitUsings)).Select(file => CSharpSyntaxTree.ParseText(file.Item2, ParseOptions, file.Item1)),
        references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));

    /// <summary>The analyzers of an assembly, or of all assemblies of a folder.</summary>
    public static ImmutableArray<DiagnosticAnalyzer> Load(string path)
    {
        var files = Directory.Exists(path) ? Directory.GetFiles(path, "*.dll").Order(StringComparer.Ordinal).ToArray() : [path];
        var context = new AnalyzerContext(Path.GetDirectoryName(files[0])!);
        return [.. files.Select(context.LoadFromAssemblyPath).SelectMany(TypesOf)
            .Where(type => !type.IsAbstract && typeof(DiagnosticAnalyzer).IsAssignableFrom(type) && type.GetCustomAttribute<DiagnosticAnalyzerAttribute>()?.Languages.Contains(LanguageNames.CSharp) == true)
            .OrderBy(type => type.FullName, StringComparer.Ordinal).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];
    }

    /// <summary>Binds a compilation without analyzers. Processor seconds.</summary>
    public static double Bind(CSharpCompilation compilation) => Seconds(() => compilation.GetDiagnostics());

    /// <summary>Binds and analyzes.</summary>
    public static (double Seconds, ImmutableArray<Diagnostic> Reports) Analyze(CSharpCompilation compilation, ImmutableArray<DiagnosticAnalyzer> analyzers, CancellationToken cancellation = default)
    {
        var reports = ImmutableArray<Diagnostic>.Empty;
        var seconds = Seconds(() =>
        {
            var options = new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), null, concurrentAnalysis: true, logAnalyzerExecutionTime: false);
            reports = compilation.WithAnalyzers(analyzers, options).GetAllDiagnosticsAsync(cancellation).GetAwaiter().GetResult();
        });
        Demand(reports);
        return (seconds, [.. reports.Where(report => !report.Id.StartsWith("CS", StringComparison.Ordinal))]);
    }

    /// <summary>An analyzer that crashes is fast.</summary>
    public static void Demand(IEnumerable<Diagnostic> reports)
    {
        if (reports.FirstOrDefault(report => report.Id == "AD0001") is { } crash)
            throw new InvalidOperationException(crash.ToString());
    }

    /// <summary>Processor seconds of this process.</summary>
    public static double Seconds(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        action();
        return (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
    }

    private static IEnumerable<Type> TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException exception)
        {
            // Fixers need the workspaces, which the compiler does not have.
            return exception.Types.OfType<Type>();
        }
    }

    /// <summary>Dependencies from the analyzer's own folder, the compiler's from this process.</summary>
    private sealed class AnalyzerContext(string folder) : AssemblyLoadContext("analyzers")
    {
        protected override Assembly? Load(AssemblyName name) =>
            name.Name!.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) || !File.Exists(Path.Combine(folder, name.Name + ".dll")) ? null : LoadFromAssemblyPath(Path.Combine(folder, name.Name + ".dll"));
    }
}
