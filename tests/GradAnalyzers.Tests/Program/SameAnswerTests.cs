using GradAnalyzers.Tests.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Tests.Program;

/// <summary>The same source gives the same reports, whoever asks first, however often, and whatever was read before.</summary>
public sealed class SameAnswerTests
{
    private const int Rounds = 50;

    [Fact]
    public async Task EveryFamilyOfFaultsIsFound()
    {
        var reports = await Analyzed.Reports(Analyzed.Fresh(Analyzed.Files), Analyzed.Rules, isConcurrent: false, CancellationToken.None);

        Assert.All(new[] { "GRAD1001", "GRAD2001", "GRAD2003", "GRAD4001", "GRAD4005" }, id => Assert.Contains(id, reports));
        Assert.DoesNotContain("AD0001", reports);
    }

    [Fact]
    public async Task ThreadsOrderAndCancellationChangeNothing()
    {
        var expected = await Analyzed.Reports(Analyzed.Fresh(Analyzed.Files), Analyzed.Rules, isConcurrent: false, CancellationToken.None);
        for (var round = 0; round < Rounds; round++)
        {
            var random = new Random(round);
            var compilation = Analyzed.Compile(Analyzed.Files.OrderBy(_ => random.Next()).Select(file => Analyzed.Parse(file.Path, file.Text)));
            // Some give up half way; what they leave behind is the others' beginning.
            var runs = Enumerable.Range(0, 8).Select(thread => (Delay: thread < 4 ? random.Next(1, 60) : Timeout.Infinite, Rules: Analyzed.Rules.OrderBy(_ => random.Next()).ToList()))
                .Select(run => Task.Run(async () =>
                {
                    using var cancellation = new CancellationTokenSource(run.Delay);
                    try
                    {
                        return await Analyzed.Reports(compilation, run.Rules, isConcurrent: true, cancellation.Token);
                    }
                    catch (OperationCanceledException)
                    {
                        return null;
                    }
                })).ToList();
            foreach (var reports in await Task.WhenAll(runs))
                Assert.True(reports is null || reports == expected, $"round {round}:\n{reports}\ninstead of\n{expected}");
        }
    }

    [Fact]
    public async Task AfterEachEditTheReportsAreThoseOfAFreshReading()
    {
        var random = new Random(7);
        var texts = Analyzed.Files.ToDictionary(file => file.Path, file => file.Text);
        var trees = texts.ToDictionary(file => file.Key, file => Analyzed.Parse(file.Key, file.Value));
        (string Path, string Old, string New)[] edits =
        [
            ("Fit.cs", "optimizer.zero_grad();", "/* optimizer.zero_grad(); */"),
            ("Fit.cs", "optimizer.step();\n", "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0); optimizer.step();\n"),
            ("Char.cs", "LSTM rnn = LSTM(8, 16)", "Linear rnn = Linear(8, 16)"),
            ("Char.cs", "rnn.call(x).Item1", "rnn.forward(x)"),
            ("Deep.cs", "Sigmoid()", "ReLU()"),
            ("Jobs.cs", "new DeepJob(9)", "new DeepJob(2)"),
            ("Jobs.cs", "Fit.Careless(", "Fit.Run("),
            ("Jobs.cs", "Fit.Run(model, x, y, 5)", "model.forward(x)"),
            ("Scaled.cs", "requires_grad: true", "requires_grad: false"),
            ("Scaled.cs", "Linear(8, 8)", "Linear(8, 8, false)"),
            ("Scaled.Forward.cs", "inner.forward(x) * scale", "inner.forward(x * 2)"),
            ("Scaled.Forward.cs", ".sqrt()", ".add(1e-6).sqrt()"),
            ("Usings.cs", "global using System;", "global using System; // again"),
        ];
        for (var round = 0; round < 60; round++)
        {
            var (path, one, other) = edits[random.Next(edits.Length)];
            texts[path] = texts[path].Contains(other, StringComparison.Ordinal) ? texts[path].Replace(other, one) : texts[path].Replace(one, other);
            trees[path] = Analyzed.Parse(path, texts[path]);

            var kept = await Analyzed.Reports(Analyzed.Compile(trees.Values), Analyzed.Rules, isConcurrent: true, CancellationToken.None);
            var fresh = await Analyzed.Reports(Analyzed.Fresh(texts.Select(file => (file.Key, file.Value))), Analyzed.Rules, isConcurrent: true, CancellationToken.None);

            Assert.True(kept == fresh, $"round {round}, {path}: {one}\n{kept}\ninstead of\n{fresh}");
        }
    }

    /// <summary>While its argument is being typed, the object is still of its class: not of every class that implements the interface.</summary>
    [Theory]
    [InlineData("new DeepMaker(9)", false)]
    [InlineData("new DeepMaker(9, unfinished)", false)]
    [InlineData("new CharMaker(unfinished)", true)]
    public async Task AnObjectThatIsBeingTypedIsOfItsClass(string creation, bool isRecurrent)
    {
        var makers = """
            interface IMaker { Module<Tensor, Tensor> Make(); }
            sealed class CharMaker : IMaker { public Module<Tensor, Tensor> Make() => new CharModel(); }
            sealed class DeepMaker(int depth) : IMaker { public Module<Tensor, Tensor> Make() => new DeepModel(depth); }
            static class Typing { static void Go(Tensor x, Tensor y) { IMaker maker = CREATION; Fit.Run(maker.Make(), x, y, 3); } }
            """.Replace("CREATION", creation);

        var reports = await Analyzed.Reports(Analyzed.Fresh(Analyzed.Files.Where(file => file.Path != "Jobs.cs").Append(("Typing.cs", makers))), Analyzed.Rules, isConcurrent: false, CancellationToken.None);

        Assert.Equal(isRecurrent, reports.Contains("GRAD2001", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NoCompilationIsHeldAfterAnEdit()
    {
        var trees = Analyzed.Files.Select(file => Analyzed.Parse(file.Path, file.Text)).ToList();
        var compilations = new List<WeakReference>();
        for (var edit = 0; edit < 50; edit++)
        {
            trees[4] = Analyzed.Parse("Jobs.cs", Analyzed.Files[4].Text + $"// {edit}");
            compilations.Add(await AnalyzeOnce(trees));
        }

        for (var attempt = 0; attempt < 10 && compilations.Count(held => held.IsAlive) > 2; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        // The last one may still stand in a register or a pool.
        Assert.InRange(compilations.Count(held => held.IsAlive), 0, 2);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> AnalyzeOnce(IEnumerable<SyntaxTree> trees)
    {
        CSharpCompilation? compilation = Analyzed.Compile(trees);
        await Analyzed.Reports(compilation, Analyzed.Rules, isConcurrent: true, CancellationToken.None);
        var held = new WeakReference(compilation);
        compilation = null;
        return held;
    }

    [Theory]
    [InlineData("IEnumerable<Module<Tensor, Tensor>> t = new Module<Tensor, Tensor>[] { Linear(8, 8) }; for (var i = 0; i < 60; i++) t = t.Concat(t); layers = Sequential(t.ToArray());")]
    [InlineData("var t = \"ab\"; for (var i = 0; i < 60; i++) t += t; layers = Sequential((t, Linear(8, 8)));")]
    [InlineData("var t = \"ab\"; for (var i = 0; i < 60; i++) t = $\"{t}{t}\"; layers = Sequential((t, Linear(8, 8)));")]
    [InlineData("var t = new List<Module<Tensor, Tensor>> { Linear(8, 8) }; for (var i = 0; i < 60; i++) t.AddRange(t); layers = Sequential(t);")]
    [InlineData("var t = new List<Module<Tensor, Tensor>> { Linear(8, 8) }; for (var i = 0; i < 60; i++) t = t.SelectMany(m => new[] { m, m }).ToList(); layers = Sequential(t);")]
    public void WhatDoublesInALoopIsGivenUpBeforeItCosts(string constructor)
    {
        var compilation = ModelSource.Compile($$"""
            class Net : Module<Tensor, Tensor>
            {
                private readonly Module<Tensor, Tensor> layers;
                public Net() : base("net") { {{constructor}} RegisterComponents(); }
                public override Tensor forward(Tensor x) => layers.forward(x);
            }
            """);
        ModelSource.Graphs(compilation.Clone());
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Single(ModelSource.Graphs(compilation));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000_000);
    }
}
