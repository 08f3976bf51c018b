using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>Programs whose cost could grow faster than they do, at a size and at twice that; each in a process of its own, which is stopped after a minute of processor time.</summary>
internal static class Growth
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly (string Name, int Size, Func<int, string> Source)[] Programs =
    [
        ("one method with N calls of Fit(new Net(), x, y)", 200, size => Trainer + $"static class P {{ static void All(Tensor x, Tensor y) {{ {Repeat(size, _ => "T.Fit(new Net(), x, y);")} }} }}"),
        ("N methods with one call each", 200, size => Trainer + $"static class P {{ {Repeat(size, n => $"static void M{n}(Tensor x, Tensor y) => T.Fit(new Net(), x, y);")} }}"),
        ("chain of N methods, each calls the next once", 40, size => Trainer + Chain(size, 1)),
        ("chain of N methods, each calls the next twice", 40, size => Trainer + Chain(size, 2)),
        ("chain of N methods, each calls the next three times", 30, size => Trainer + Chain(size, 3)),
        ("fan of N callers of one trainer with a model of their own", 200, size => Trainer + $"static class P {{ {Repeat(size, n => $"static void M{n}(Tensor x, Tensor y) {{ var model = new Net(); T.Fit(model, x, y); }}")} }}"),
        ("N methods that call each other round", 40, size => Trainer + $"static class P {{ {Repeat(size, n => $"static void M{n}(Tensor x, Tensor y, int d) {{ if (d == 0) T.Fit(new Net(), x, y); M{(n + 1) % size}(x, y, d - 1); M{(n + 7) % size}(x, y, d - 1); }}")} }}"),
        ("N implementations of one interface that train", 300, size => Trainer + $"interface I {{ void Go(Tensor x, Tensor y); }} {Repeat(size, n => $"sealed class C{n} : I {{ public void Go(Tensor x, Tensor y) => T.Fit(new Net(), x, y); }}")} static class P {{ static void Run(I i, Tensor x, Tensor y) => i.Go(x, y); }}"),
        ("N if/else, each makes model and optimizer anew", 40, size => Trainer + "static class P { static void Go(bool[] b, Tensor x, Tensor y) { Module<Tensor, Tensor> m = new Net(); var o = torch.optim.SGD(m.parameters(), 0.1); "
            + Repeat(size, n => $"if (b[{n}]) {{ m = new Net(); o = torch.optim.SGD(m.parameters(), 0.1); }} else {{ m = new Net(); o = torch.optim.Adam(m.parameters(), 0.1); }}")
            + "o.zero_grad(); functional.mse_loss(m.forward(x), y).backward(); o.step(); } }"),
        ("t = t.Concat(t), N rounds in a constructor", 60, size => Model($"System.Collections.Generic.IEnumerable<Module<Tensor, Tensor>> t = new Module<Tensor, Tensor>[] {{ Linear(8, 8) }}; for (var i = 0; i < {size}; i++) t = System.Linq.Enumerable.Concat(t, t); layers = Sequential(System.Linq.Enumerable.ToArray(t));")),
        ("t += t on a string, N rounds", 60, size => Model($"var t = \"ab\"; for (var i = 0; i < {size}; i++) t += t; layers = Sequential((t, Linear(8, 8)));")),
        ("list.AddRange(list), N rounds", 60, size => Model($"var t = new System.Collections.Generic.List<Module<Tensor, Tensor>> {{ Linear(8, 8) }}; for (var i = 0; i < {size}; i++) t.AddRange(t); layers = Sequential(t);")),
        ("N models of 20 layers", 60, size => string.Join('\n', GeneratedModels.Models(size).Select((text, n) => n == 0 ? text : text[text.IndexOf("public", StringComparison.Ordinal)..]))),
    ];

    private static readonly string Usings = "using TorchSharp; using TorchSharp.Modules; using static TorchSharp.torch; using static TorchSharp.torch.nn;\n";

    private static readonly string Trainer = Usings + """
        sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers = Sequential(Linear(8, 16), ReLU(), Linear(16, 1));
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        static class T
        {
            public static void Fit(Module<Tensor, Tensor> model, Tensor x, Tensor y)
            {
                var optimizer = torch.optim.Adam(model.parameters(), 1e-3);
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    var loss = functional.mse_loss(model.forward(x), y);
                    loss.backward();
                    optimizer.step();
                }
            }
        }

        """;

    public static void Run(string part)
    {
        Console.WriteLine("Processor time and managed memory above an idle analyzer, in a process that has analyzed a small project before.");
        Console.WriteLine();
        Console.WriteLine("| program | N | time | memory | 2 N | time | memory | growth |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|--:|--:|");
        foreach (var (name, size, _) in Programs.Where(program => program.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))
        {
            var (once, twice) = (InChild(name, size), InChild(name, 2 * size));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {size} | {Text(once)} | {2 * size} | {Text(twice)} | {(once is { } a && twice is { } b && a.Seconds > 0.05 ? $"{b.Seconds / a.Seconds:0.0} x" : "")} |"));
        }

        static string Text((double Seconds, double Megabytes)? cost) =>
            cost is var (seconds, megabytes) ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.00} s | {megabytes:0} MB") : "more than 60 s in all | ";
    }

    /// <summary>Measures one program in this process and prints seconds and megabytes.</summary>
    public static void One(string name, int size)
    {
        var source = Programs.Single(program => program.Name == name).Source;
        var ours = WarmCompiler.Load(CompilerRun.Metadata("Analyzers"));
        ImmutableArray<DiagnosticAnalyzer> idle = [new IdleAnalyzer()];
        for (var round = 0; round < 3; round++)
        {
            WarmCompiler.Analyze(WarmCompiler.Compile([("Warm.cs", Trainer), ("Model.cs", GeneratedModels.Models(1)[0])]), idle);
            WarmCompiler.Analyze(WarmCompiler.Compile([("Warm.cs", Trainer), ("Model.cs", GeneratedModels.Models(1)[0])]), ours);
        }

        var (seconds, megabytes) = (double.MaxValue, double.MaxValue);
        for (var round = 0; round < 2; round++)
        {
            var nothing = WarmCompiler.Analyze(WarmCompiler.Compile([("Program.cs", source(size))]), idle).Seconds;
            using var process = Process.GetCurrentProcess();
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var largest = before;
            using var timer = new Timer(_ => largest = Math.Max(largest, GC.GetTotalMemory(false)), null, 0, 10);
            seconds = Math.Min(seconds, WarmCompiler.Analyze(WarmCompiler.Compile([("Program.cs", source(size))]), ours).Seconds - nothing);
            megabytes = Math.Min(megabytes, (largest - before) / 1e6);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Math.Max(seconds, 0)} {megabytes}"));
    }

    private static (double Seconds, double Megabytes)? InChild(string name, int size)
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["growth-one", name, size.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        // By processor time: what else runs on the machine does not count.
        while (!process.WaitForExit(100))
        {
            process.Refresh();
            if (!process.HasExited && process.TotalProcessorTime > Limit)
            {
                process.Kill(entireProcessTree: true);
                return null;
            }
        }

        var numbers = output.Result.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return numbers.Length == 2 ? (double.Parse(numbers[0], CultureInfo.InvariantCulture), double.Parse(numbers[1], CultureInfo.InvariantCulture)) : null;
    }

    private static string Chain(int length, int calls) =>
        $"static class P {{ {Repeat(length, n => $"static void M{n}(Tensor x, Tensor y) {{ {Repeat(calls, _ => n == length - 1 ? "T.Fit(new Net(), x, y);" : $"M{n + 1}(x, y);")} }}")} }}";

    private static string Model(string constructor) => Trainer + $$"""
        sealed class Deep : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> layers;
            public Deep() : base("Deep") { {{constructor}} RegisterComponents(); }
            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """;

    private static string Repeat(int count, Func<int, string> text)
    {
        var all = new StringBuilder();
        for (var number = 0; number < count; number++)
            all.Append(text(number)).Append('\n');
        return all.ToString();
    }
}
