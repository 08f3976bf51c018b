using GradAnalyzers.Catalogue;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>Of a long program only what makes and changes models is run, so that the models behind its loops are still read with their sizes.</summary>
public sealed class LongProgramTests
{
    private const string Classes = """
        class Net : Module<Tensor, Tensor>
        {
            public Linear first;
            public Net(int width) : base("n") { first = Linear(width, 3); RegisterComponents(); }
            public override Tensor forward(Tensor x) => first.forward(x);
            public void Widen(int width) { first = Linear(width, 3); }
            public double Score(Tensor x)
            {
                double sum = 0;
                for (var i = 0; i < 1000; i++)
                    for (var j = 0; j < 1000; j++)
                        sum += i * j;
                return sum + forward(x).mean().item<float>();
            }
        }
        class Last : Module<Tensor, Tensor>
        {
            Linear only;
            public Last(int width) : base("l") { only = Linear(width, 2); RegisterComponents(); }
            public override Tensor forward(Tensor x) => only.forward(x);
        }
        class Holder
        {
            public readonly Net Net;
            public Holder(Net net) => Net = net;
            public Spare Late => new Spare();
        }
        class Spare : Module<Tensor, Tensor>
        {
            Linear only = Linear(5, 5);
            public Spare() : base("s") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => only.forward(x);
        }

        """;

    private const string Helpers = """
        static double Report(Net net, Tensor x)
        {
            double sum = 0;
            for (var i = 0; i < 1000; i++)
                for (var j = 0; j < 1000; j++)
                    sum += i * j;
            return sum + net.forward(x).mean().item<float>();
        }
        static double ReportOf(Holder holder, Tensor x) => Report(holder.Net, x);
        static void Keep(Net net, int round) { for (var i = 0; i < 1000; i++) net.save("round" + round + i); }
        static void Widened(Net net) => net.Widen(16);
        static void Replaced(Net net) { net.first = Linear(16, 3); }
        static void Started(Net net) { init.constant_(net.first.weight, 0.5); }
        static void Filled(Net net) { using (no_grad()) net.first.weight.fill_(0.5); }
        static void FilledLater(Net net) { using (no_grad()) { var weight = net.first.weight; weight.fill_(0.5); } }
        static void Run(Action action) => action();

        """;

    [Theory]
    [InlineData("net.save(\"run\" + i);")]
    [InlineData("foreach (var suffix in new[] { \"a\", \"b\" }) net.save(suffix + j);")]
    [InlineData("log.Add(Report(net, x));")]
    [InlineData("best = Math.Max(best, net.Score(x));")]
    [InlineData("log.Add(ReportOf(holder, x) + i);")]
    [InlineData("Keep(net, i);")]
    public void AModelBehindTheLoopsIsReadWithItsSizes(string use)
    {
        var graph = Graph($$"""
            {{Classes}}
            static class App
            {
                {{Helpers}}
                static void Main()
                {
                    var width = 7;
                    width += 1;
                    var x = zeros(2, width);
                    var net = new Net(width);
                    var holder = new Holder(net);
                    var best = 0.0;
                    var log = new List<double>();
                    for (var i = 0; i < 500; i++)
                    {
                        for (var j = 0; j < 500; j++)
                        {
                            {{use}}
                        }
                    }

                    var last = new Last(width * 2);
                }
            }
            """, "Last");

        Assert.Equal([("width", "16")], graph.Arguments);
    }

    [Theory]
    [InlineData("net.Widen(16);")]
    [InlineData("Widened(net);")]
    [InlineData("Replaced(net);")]
    [InlineData("Run(() => net.Widen(16));")]
    [InlineData("Run(() => Widened(net));")]
    public void WhatReplacesALayerIsRun(string change) => Assert.Contains("fan_in=16", Dump(Changed(change), "fan_in"), StringComparison.Ordinal);

    [Theory]
    [InlineData("Started(net);")]
    [InlineData("Filled(net);")]
    [InlineData("FilledLater(net);")]
    [InlineData("Run(() => Started(net));")]
    public void WhatStartsAWeightIsRun(string change) =>
        Assert.Equal(Role.Constant, Changed(change).Layers.SelectMany(layer => layer.Parameters).Single(parameter => parameter.Path == "first.weight").Initialization.Role);

    private static GradAnalyzers.Models.ModelGraph Changed(string change) => Graph($$"""
        {{Classes}}
        static class App
        {
            {{Helpers}}
            static void Main()
            {
                var net = new Net(4);
                {{change}}
                Console.WriteLine(net.forward(zeros(2, 4)));
            }
        }
        """);
}
