using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

public sealed class ModelGraphTests
{
    [Fact]
    public void AForwardOfPlainLayersIsAChain()
    {
        var graph = Graph("""
            class Net : Module<Tensor, Tensor>
            {
                private readonly Linear fc1 = Linear(10, 20);
                private readonly Module<Tensor, Tensor> fc2;
                public Net(int hidden = 20) : base(nameof(Net))
                {
                    fc2 = Linear(hidden, 2);
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x)
                {
                    x = fc1.forward(x);
                    x = F.relu(x);
                    return fc2.call(x);
                }
            }
            """);

        Assert.Equal("""
            0 Input
            1 Linear fc1 fan_in=10 fan_out=20
            2 Relu
            3 Linear fc2 fan_in=20 fan_out=2
            """, Dump(graph, "fan_in", "fan_out"));
        Assert.True(graph.IsComplete);
        Assert.Equal(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"], Parameters(graph));
    }

    [Fact]
    public void ASequentialOutsideOfClassesIsAModel()
    {
        var graph = Graph("""
            var depth = 3;
            var layers = new List<(string, Module<Tensor, Tensor>)>();
            for (var i = 0; i < depth; i++)
            {
                layers.Add(($"fc{i}", Linear(8, 8)));
                layers.Add(($"act{i}", Sigmoid()));
            }
            var model = Sequential(layers);
            var optimizer = optim.Adam(model.parameters());
            """, "Sequential");

        Assert.Equal("""
            0 Input
            1 Linear fc0
            2 Sigmoid act0
            3 Linear fc1
            4 Sigmoid act1
            5 Linear fc2
            6 Sigmoid act2
            """, Dump(graph));
    }
}
