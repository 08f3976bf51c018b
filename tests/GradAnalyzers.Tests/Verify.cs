using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;
using TorchSharp;

namespace GradAnalyzers.Tests;

/// <summary>What a user gets from a rule and its fixer, on the real TorchSharp. Code marks what is reported: <c>[|optimizer.step()|]</c>.</summary>
internal static class Verify<TRule, TFixer>
    where TRule : DiagnosticAnalyzer, new()
    where TFixer : CodeFixProvider, new()
{
    /// <summary>The rule reports exactly the marked places.</summary>
    public static Task Reports(string code, bool isProgram = false, string usings = Code.Usings, string models = Code.Models) =>
        Test(code, null, isProgram, usings, models).RunAsync(CancellationToken.None);

    /// <summary>The rule reports nothing.</summary>
    public static Task IsSilent(string code, bool isProgram = false, string usings = Code.Usings, string models = Code.Models) =>
        Reports(code, isProgram, usings, models);

    /// <summary>The marked places are reported, and the fix, one by one and all at once, gives the other code.</summary>
    public static Task Fixes(string code, string expected, int choice = 0, bool isProgram = false, string usings = Code.Usings, string models = Code.Models, int? iterations = null)
    {
        var test = Test(code, expected, isProgram, usings, models);
        test.CodeActionIndex = choice;
        if (iterations is { } count)
            test.NumberOfIncrementalIterations = count;
        return test.RunAsync(CancellationToken.None);
    }

    /// <summary>The marked places are reported and no fix is offered.</summary>
    public static Task OffersNoFix(string code, bool isProgram = false)
    {
        var test = Test(code, code, isProgram, Code.Usings, Code.Models);
        test.CodeFixTestBehaviors = CodeFixTestBehaviors.None;
        return test.RunAsync(CancellationToken.None);
    }

    private static CSharpCodeFixTest<TRule, TFixer, DefaultVerifier> Test(string code, string? expected, bool isProgram, string usings, string models)
    {
        var test = new LibraryTest { TestCode = code };
        test.TestState.Sources.Add(("Usings.cs", usings));
        test.TestState.Sources.Add(("Models.cs", models));
        test.TestState.OutputKind = isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        if (expected is not null)
        {
            test.FixedCode = expected;
            test.FixedState.Sources.Add(("Usings.cs", usings));
            test.FixedState.Sources.Add(("Models.cs", models));
        }

        return test;
    }

    private sealed class LibraryTest : CSharpCodeFixTest<TRule, TFixer, DefaultVerifier>
    {
        public LibraryTest()
        {
            ReferenceAssemblies = Code.NoPackages;
            TestState.AdditionalReferences.AddRange(Code.References);
            MarkupOptions = MarkupOptions.UseFirstDescriptor;
        }

        protected override ParseOptions CreateParseOptions() => new CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.Parse);
    }
}

/// <summary>The surroundings of test code.</summary>
internal static class Code
{
    /// <summary>The usual header of TorchSharp code, for every file.</summary>
    public const string Usings = """
        global using System;
        global using System.Collections.Generic;
        global using System.Linq;
        global using System.Threading.Tasks;
        global using TorchSharp;
        global using TorchSharp.Modules;
        global using static TorchSharp.torch;
        global using static TorchSharp.torch.nn;
        """;

    /// <summary>Models that training tests can use.</summary>
    public const string Models = """
        using static TorchSharp.torch.nn;

        public sealed class CharRnn : TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>
        {
            private readonly TorchSharp.Modules.GRU _gru = GRU(16, 32, batchFirst: true);
            private readonly TorchSharp.Modules.Linear _head = Linear(32, 16);
            public CharRnn() : base("CharRnn") => RegisterComponents();
            public override TorchSharp.torch.Tensor forward(TorchSharp.torch.Tensor x) => _head.forward(_gru.call(x).Item1);
        }

        public sealed class Mlp : TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>
        {
            private readonly TorchSharp.Modules.Linear _one = Linear(16, 32);
            private readonly TorchSharp.Modules.Linear _two = Linear(32, 16);
            public Mlp() : base("Mlp") => RegisterComponents();
            public override TorchSharp.torch.Tensor forward(TorchSharp.torch.Tensor x) => _two.forward(functional.relu(_one.forward(x)));
        }
        """;

    /// <summary>Statements in a method, with data in scope: two tensors, and batches of them.</summary>
    public static string InMethod(string statements) => $$"""
        public static class Program
        {
            public static void Train(Tensor x, Tensor y, (Tensor X, Tensor Y)[] batches)
            {
                {{statements.ReplaceLineEndings("\n        ")}}
            }
        }
        """;

    public static ReferenceAssemblies NoPackages { get; } = new("net10.0");

    /// <summary>The framework's reference assemblies, as the SDK brings them, TorchSharp and the monitor.</summary>
    public static MetadataReference[] References { get; } =
        [.. Directory.GetFiles(ReferencePack(), "*.dll").Select(path => MetadataReference.CreateFromFile(path)), MetadataReference.CreateFromFile(typeof(torch).Assembly.Location), MetadataReference.CreateFromFile(typeof(Monitor.GradientMonitor).Assembly.Location)];

    private static string ReferencePack() =>
        typeof(Code).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "ReferencePack").Value!;
}
