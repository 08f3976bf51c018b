using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models.HeldOut;

/// <summary>Held out: written before factories with sizes were read. Each model has as many weighted layers as its code makes.</summary>
public sealed class FactoryHeldOutTests
{
    private static string Holder(string fields, string constructor, string forward, string others = "", string parameters = "") => Net($$"""
        {{fields}}
        public Net({{parameters}}) : base("net") { {{constructor}} RegisterComponents(); }
        public override Tensor forward(Tensor x) => {{forward}};
        """, others);

    private static void HasLayers(ModelGraph graph, int count)
    {
        Assert.Null(graph.Obstacle);
        Assert.Equal(count, graph.Nodes.Count(node => node.Layer is not null && node.Role == Role.Linear));
    }

    [Theory]
    // A static factory that loops, called with constants.
    [InlineData("class Blocks { public static Sequential Make(int n, int width, int depth) { var s = Sequential(); for (var i = 0; i < depth; i++) { s.append($\"fc{i}\", Linear(i == 0 ? n : width, width)); s.append($\"act{i}\", ReLU()); } return s; } }", "Blocks.Make(8, 32, 5)", 5)]
    [InlineData("static class Blocks { public static Sequential Make(int n, int width, int depth) => Sequential(Enumerable.Range(0, depth).Select(i => ($\"l{i}\", (Module<Tensor, Tensor>)Linear(i == 0 ? n : width, width))).ToArray()); }", "Blocks.Make(8, 32, 4)", 4)]
    [InlineData("static class Blocks { public static Module<Tensor, Tensor> Make(int n, params int[] widths) { var parts = new List<Module<Tensor, Tensor>>(); var last = n; foreach (var w in widths) { parts.Add(Linear(last, w)); parts.Add(GELU()); last = w; } return Sequential(parts); } }", "Blocks.Make(8, 32, 16, 4)", 3)]
    [InlineData("static class Blocks { public static Sequential Make(int n, int width, int depth) { Module<Tensor, Tensor>[] parts = new Module<Tensor, Tensor>[depth]; var k = depth; while (k-- > 0) parts[k] = Linear(k == 0 ? n : width, width); return Sequential(parts); } }", "Blocks.Make(8, 32, 6)", 6)]
    [InlineData("static class Blocks { static IEnumerable<Module<Tensor, Tensor>> Parts(int n, int width, int depth) { yield return Linear(n, width); for (var i = 1; i < depth; ++i) { yield return Tanh(); yield return Linear(width, width); } } public static Sequential Make(int n, int width, int depth) => Sequential(Parts(n, width, depth)); }", "Blocks.Make(8, 32, 3)", 3)]
    [InlineData("static class Blocks { public static Sequential Make(int n, int width, int depth) => depth == 0 ? Sequential(Linear(n, width)) : Sequential(Linear(n, width), Make(width, width, depth - 1)); }", "Blocks.Make(8, 32, 3)", 4)]
    [InlineData("static class Blocks { public static Sequential Make((int In, int Width, int Depth) size) { var (n, width, depth) = size; var s = Sequential(Linear(n, width)); do { s.append(ReLU()); s.append(Linear(width, width)); } while (--depth > 1); return s; } }", "Blocks.Make((8, 32, 4))", 4)]
    // Records of sizes.
    [InlineData("record Sizes(int In, int Width, int Depth) { public int Half => Width / 2; public Sizes Deeper(int by) => this with { Depth = Depth + by }; } static class Blocks { public static Sequential Make(Sizes s) { var all = new List<Module<Tensor, Tensor>> { Linear(s.In, s.Half) }; for (var i = 0; i < s.Depth; i++) all.Add(Linear(s.Half, s.Half)); return Sequential(all); } }", "Blocks.Make(new Sizes(8, 32, 2).Deeper(3))", 6)]
    [InlineData("readonly record struct Sizes(int In, int Width) { public int Depth { get; init; } = 3; } static class Blocks { public static Sequential Make(in Sizes s) { var all = Sequential(Linear(s.In, s.Width)); for (var i = 1; i < s.Depth; i++) all.append(Linear(s.Width, s.Width)); return all; } }", "Blocks.Make(new Sizes(8, 32) { Depth = 4 })", 4)]
    // Dictionaries of factories, with a comparer.
    [InlineData("static class Blocks { static readonly Dictionary<string, Func<int, Module<Tensor, Tensor>>> ByName = new(StringComparer.OrdinalIgnoreCase) { [\"linear\"] = n => Linear(n, n), [\"double\"] = n => Sequential(Linear(n, n), ReLU(), Linear(n, n)) }; public static Module<Tensor, Tensor> Make(string name, int n) => ByName[name](n); }", "Blocks.Make(\"Double\", 8)", 2)]
    [InlineData("static class Blocks { static readonly Dictionary<string, Func<int, Module<Tensor, Tensor>>> ByName = new Dictionary<string, Func<int, Module<Tensor, Tensor>>>(StringComparer.InvariantCultureIgnoreCase) { { \"LINEAR\", n => Linear(n, n) } }; public static Module<Tensor, Tensor> Make(string name, int n) => ByName.TryGetValue(name, out var make) ? make(n) : throw new ArgumentException(name); }", "Blocks.Make(\"linear\", 8)", 1)]
    [InlineData("enum Kind { One, Two } static class Blocks { static readonly IReadOnlyDictionary<Kind, Func<int, Module<Tensor, Tensor>>> All = new Dictionary<Kind, Func<int, Module<Tensor, Tensor>>> { [Kind.One] = n => Linear(n, n), [Kind.Two] = Pair }; static Module<Tensor, Tensor> Pair(int n) => Sequential(Linear(n, n), Linear(n, n)); public static Module<Tensor, Tensor> Make(Kind kind, int n) => All[kind].Invoke(n); }", "Blocks.Make(Kind.Two, 8)", 2)]
    [InlineData("static class Blocks { static readonly Dictionary<int, Func<Module<Tensor, Tensor>>> ByDepth = new() { [1] = () => Linear(8, 8), [2] = () => Sequential(Linear(8, 8), Tanh(), Linear(8, 8)) }; public static Module<Tensor, Tensor> Make(int depth) => ByDepth[depth](); }", "Blocks.Make(2)", 2)]
    [InlineData("static class Blocks { public static Module<Tensor, Tensor> Make(string name) { var all = new SortedDictionary<string, Func<Module<Tensor, Tensor>>>(StringComparer.OrdinalIgnoreCase); all.Add(\"wide\", () => Sequential(Linear(8, 64), Linear(64, 8))); all[\"NARROW\"] = () => Linear(8, 8); return all.ContainsKey(name) ? all[name]() : all[\"narrow\"](); } }", "Blocks.Make(\"other\")", 1)]
    // Lazy.
    [InlineData("static class Blocks { static readonly Lazy<int> Depth = new(() => 3); public static Sequential Make(int n) { var s = Sequential(); for (var i = 0; i < Depth.Value; i++) s.append(Linear(n, n)); return s; } }", "Blocks.Make(8)", 3)]
    [InlineData("sealed class Blocks { readonly Lazy<Sequential> made; public Blocks(int n) => made = new Lazy<Sequential>(() => Sequential(Linear(n, n), Linear(n, n)), isThreadSafe: false); public Sequential Made => made.Value; }", "new Blocks(8).Made", 2)]
    [InlineData("static class Blocks { public static Module<Tensor, Tensor> Make(int n) { Lazy<Linear> head = new Lazy<Linear>(() => Linear(n, n)); return Sequential(Linear(n, n), head.Value); } }", "Blocks.Make(8)", 2)]
    // Enumerators moved by hand.
    [InlineData("static class Blocks { public static Sequential Make(params int[] widths) { var s = Sequential(); using var e = ((IEnumerable<int>)widths).GetEnumerator(); e.MoveNext(); var last = e.Current; while (e.MoveNext()) { s.append(Linear(last, e.Current)); last = e.Current; } return s; } }", "Blocks.Make(8, 16, 32, 4)", 3)]
    [InlineData("static class Blocks { public static Sequential Make() { var sizes = new List<int> { 8, 16, 4 }; var s = Sequential(); var e = sizes.GetEnumerator(); var last = 8; for (; e.MoveNext();) { s.append(Linear(last, e.Current)); last = e.Current; } return s; } }", "Blocks.Make()", 3)]
    [InlineData("static class Blocks { static IEnumerator<int> Sizes() { yield return 8; yield return 4; yield return 2; } public static Sequential Make() { var s = Sequential(); var e = Sizes(); if (!e.MoveNext()) return s; var last = e.Current; while (e.MoveNext()) { s.append(Linear(last, e.Current)); last = e.Current; } return s; } }", "Blocks.Make()", 2)]
    [InlineData("static class Blocks { public static Sequential Make(int n) { var q = new Queue<int>(new[] { 16, 32, 4 }); var s = Sequential(); var last = n; while (q.Count > 0) { var next = q.Dequeue(); s.append(Linear(last, next)); last = next; } return s; } }", "Blocks.Make(8)", 3)]
    public void AFactoryIsReadAtItsCall(string factory, string call, int layers)
    {
        HasLayers(Graph(Holder("private readonly Module<Tensor, Tensor> body;", $"body = {call};", "body.forward(x)", factory)), layers);
        // The same made by the program, with no class around it; a layer alone is no model.
        if (layers == 1)
            return;
        var alone = Graphs($"var model = {call}; {factory}");
        Assert.Contains(alone, graph => graph.Obstacle is null && graph.Nodes.Count(node => node.Role == Role.Linear) == layers);
    }

    [Fact]
    public void EachCallIsAModelOfItsOwn()
    {
        var graphs = Graphs("""
            var shallow = Blocks.Make(8, 32, 2);
            var deep = Blocks.Make(8, 32, 12);
            static class Blocks
            {
                public static Sequential Make(int n, int width, int depth)
                {
                    var parts = new List<(string, Module<Tensor, Tensor>)>();
                    for (var i = 0; i < depth; i++) { parts.Add(($"fc{i}", Linear(i == 0 ? n : width, width))); parts.Add(($"s{i}", Sigmoid())); }
                    return Sequential(parts);
                }
            }
            """);

        Assert.Equal([2, 12], graphs.Where(graph => graph.IsComplete).Select(graph => graph.Nodes.Count(node => node.Role == Role.Linear)).Order());
    }

    [Theory]
    [InlineData("x.mean(new long[] { 2 })")]
    [InlineData("x.mean([2])")]
    [InlineData("torch.mean(x, new long[] { -1 })")]
    [InlineData("x.mean(new[] { 2L }, keepdim: true).squeeze(2)")]
    [InlineData("x.sum(2) / x.shape[2]")]
    [InlineData("x.mean(new long[] { 2 }, false)")]
    public void AMeanAfterAConv1dIsOverPositions(string mean)
    {
        var graph = Graph(Holder("private readonly Conv1d c = Conv1d(4, 16, 3, padding: 1), d = Conv1d(16, 32, 3, padding: 1); private readonly Linear a = Linear(32, 5);", "", $"Head(d.forward(c.forward(x).relu()).relu())",
            "").Replace("public override", $"private Tensor Head(Tensor x) => a.forward({mean}); public override"));
        var prediction = GradientFlowPrediction.Predict(GraphNetwork.Of(graph));

        Assert.Equal(Verdict.Healthy, prediction.Verdict);
    }

    [Theory]
    [InlineData("int s = n; for (var i = 0; i < 60; i++) s += s;", "Linear(s, 4)")]
    [InlineData("int s = n; for (var i = 0; i < 1000; i++) s = s * n + i;", "Linear(s, 4)")]
    [InlineData("var s = n; foreach (var i in Enumerable.Range(0, 900)) s = Math.Max(s + s, n);", "Linear(s, 4)")]
    public void SizesThatGrowInALoopCostNothing(string statements, string layer)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var graph = Graph(Holder("private readonly Linear a;", $"{statements} a = {layer};", "a.forward(x)", parameters: "int n"));

        Assert.Single(graph.Nodes, node => node.Layer is not null);
        Assert.All(graph.Nodes.SelectMany(node => node.Constants.Values), constant => Assert.True(constant.Text.Length < 10_000));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10));
    }
}
