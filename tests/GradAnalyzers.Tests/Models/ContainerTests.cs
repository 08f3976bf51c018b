using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>The ways in which people put layers together.</summary>
public sealed class ContainerTests
{
    [Theory]
    [InlineData("Sequential(Linear(4, 4), ReLU())", "0", "1")]
    [InlineData("Sequential((\"fc\", Linear(4, 4)), (\"act\", ReLU()))", "fc", "act")]
    [InlineData("Sequential(Tuple.Create(\"fc\", (Module<Tensor, Tensor>)Linear(4, 4)), Tuple.Create(\"act\", (Module<Tensor, Tensor>)ReLU()))", "fc", "act")]
    [InlineData("Sequential(new Module<Tensor, Tensor>[] { Linear(4, 4), ReLU() })", "0", "1")]
    [InlineData("Sequential(new List<Module<Tensor, Tensor>> { Linear(4, 4), ReLU() })", "0", "1")]
    [InlineData("Sequential(new List<(string, Module<Tensor, Tensor>)> { (\"fc\", Linear(4, 4)), (\"act\", ReLU()) })", "fc", "act")]
    [InlineData("Sequential(new (string, Module<Tensor, Tensor>)[] { (\"fc\", Linear(4, 4)), (\"act\", ReLU()) })", "fc", "act")]
    [InlineData("Sequential().append(Linear(4, 4)).append(ReLU())", "0", "1")]
    [InlineData("Sequential().append(\"fc\", Linear(4, 4)).append(\"act\", ReLU())", "fc", "act")]
    [InlineData("Sequential(Linear(4, 4)).append(\"act\", ReLU())", "0", "act")]
    [InlineData("Sequential(Enumerable.Range(0, 2).Select(i => i == 0 ? (Module<Tensor, Tensor>)Linear(4, 4) : ReLU()))", "0", "1")]
    [InlineData("Sequential(Layers())", "0", "1")]
    [InlineData("Sequential([Linear(4, 4), ReLU()])", "0", "1")]
    [InlineData("Sequential([.. Layers()])", "0", "1")]
    [InlineData("Build(4)", "0", "1")]
    public void EveryWayToMakeASequentialGivesItsElements(string expression, string first, string second) =>
        Assert.Equal($"""
            0 Input
            1 Linear body.{first}
            2 Relu body.{second}
            """, Read($$"""
                private readonly Module<Tensor, Tensor> body;
                public Net() : base("net") { body = {{expression}}; RegisterComponents(); }
                static IEnumerable<Module<Tensor, Tensor>> Layers() { yield return Linear(4, 4); yield return ReLU(); }
                static Sequential Build(int width) { var layers = new List<Module<Tensor, Tensor>>(); layers.Add(Linear(width, width)); layers.Add(ReLU()); return Sequential(layers); }
                public override Tensor forward(Tensor x) => body.forward(x);
                """));

    [Fact]
    public void NestedSequentialsHaveNestedPaths()
    {
        var graph = Graph(Net("""
            private readonly Sequential body = Sequential(("block", Sequential(Linear(4, 4), Sequential(("in", Linear(4, 4))))));
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => body.call(x);
            """));

        Assert.Equal(["body.block.0.weight", "body.block.0.bias", "body.block.1.in.weight", "body.block.1.in.bias"], Parameters(graph));
    }

    [Fact]
    public void AClassDerivedFromSequentialIsItsElements() =>
        Assert.Equal("""
            0 Input
            1 Linear fc
            2 Sigmoid act
            """, Dump(Graph("""
                class Net : Sequential
                {
                    public Net() : base(("fc", Linear(4, 4)), ("act", Sigmoid())) { }
                }
                """)));

    [Fact]
    public void ModuleDictsAreReadByKey() =>
        Assert.Equal("""
            0 Input
            1 Linear parts.a
            2 Tanh parts.b
            """, Read("""
                private readonly ModuleDict<Module<Tensor, Tensor>> parts = ModuleDict<Module<Tensor, Tensor>>(("a", Linear(4, 4)), ("b", Tanh()));
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => parts["b"].call(parts["a"].call(x));
                """));

    [Fact]
    public void SequentialsAreIndexedAndCounted() =>
        Assert.Equal("""
            0 Input
            1 Linear body.0
            2 Linear body.1
            """, Read("""
                private readonly Sequential body = Sequential(Linear(4, 4), Linear(4, 4));
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) { for (int i = 0; i < body.Count; i++) x = body[i].call(x); return x; }
                """));

    [Fact]
    public void LayersOfArraysListsAndDictionariesAreUsedThoughTorchSharpDoesNotKnowThem() =>
        Assert.Equal("""
            0 Input
            1 Linear array[0]
            2 Linear list[0]
            3 Linear map[x]
            """, Read("""
                private readonly Linear[] array = { Linear(4, 4) };
                private readonly List<Linear> list = new() { Linear(4, 4) };
                private readonly Dictionary<string, Linear> map = new() { ["x"] = Linear(4, 4) };
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => map["x"].forward(list[0].forward(array[0].forward(x)));
                """));

    [Fact]
    public void ConvolutionsKeepTheirShapes() =>
        Assert.Equal("""
            0 Input
            1 Conv body.0 channels_in=3 channels_out=16 kernel=3 stride=2 padding=1
            2 Conv body.1 channels_in=16 channels_out=32 kernel=(3, 5) padding=Same
            3 BatchNorm body.2 features=32
            4 MaxPool body.3 kernel=2
            5 Flatten body.4
            6 Linear body.5 fan_in=512 fan_out=10
            """, Read("""
                private readonly Sequential body = Sequential(
                    Conv2d(3, 16, 3, stride: 2, padding: 1), Conv2d(16, 32, (3, 5), Padding.Same), BatchNorm2d(32), MaxPool2d(2), Flatten(), Linear(512, 10));
                public Net() : base("net") { RegisterComponents(); }
                public override Tensor forward(Tensor x) => body.call(x);
                """, meanings: ["channels_in", "channels_out", "kernel", "padding", "features", "fan_in", "fan_out", "stride"]).Replace(" padding=1 stride=2", " stride=2 padding=1")
                .Replace(" stride=1", "").Replace(" stride=null", "").Replace(" padding=0", "").Replace(" padding=null", ""));
}
