using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Xunit;
using static GradAnalyzers.Tests.Models.ModelSource;

namespace GradAnalyzers.Tests.Models;

/// <summary>From source to a prediction.</summary>
public sealed class GraphNetworkTests
{
    private static GradientFlowPrediction Predict(string members, Loss? loss = null) => GradientFlowPrediction.Predict(GraphNetwork.Of(Graph(Net(members)), loss));

    private static string Stack(int depth, string activation, string width = "64", string parameters = "", string initialization = "") => $$"""
        private readonly Sequential body;
        public Net({{parameters}}) : base("net")
        {
            var layers = new List<Module<Tensor, Tensor>>();
            for (var i = 0; i < {{depth}}; i++) { var fc = Linear({{width}}, {{width}}); {{initialization}} layers.Add(fc); layers.Add({{activation}}); }
            layers.Add(Linear({{width}}, 10));
            body = Sequential(layers);
            RegisterComponents();
        }
        public override Tensor forward(Tensor x) => body.forward(x);
        """;

    [Theory]
    [InlineData(8, "Sigmoid()", Verdict.Vanishing)]
    [InlineData(2, "Sigmoid()", Verdict.Healthy)]
    [InlineData(16, "ReLU()", Verdict.Vanishing)]
    [InlineData(4, "Tanh()", Verdict.Healthy)]
    public void AStackIsJudged(int depth, string activation, object verdict) => Assert.Equal(verdict, Predict(Stack(depth, activation)).Verdict);

    [Fact]
    public void KaimingInitializationRescuesADeepReluStack() =>
        Assert.Equal(Verdict.Healthy, Predict(Stack(16, "ReLU()", initialization: "init.kaiming_normal_(fc.weight, nonlinearity: init.NonlinearityType.ReLU);")).Verdict);

    [Fact]
    public void AnUnknownWidthDoesNotHideWhatDoesNotDependOnIt()
    {
        var known = Predict(Stack(8, "Sigmoid()", "128"));
        var unknown = Predict(Stack(8, "Sigmoid()", "width", parameters: "int width"));

        Assert.Equal(Verdict.Vanishing, unknown.Verdict);
        Assert.Equal(Math.Log10(known.FirstToLastRatio), Math.Log10(unknown.FirstToLastRatio), 0.3);
    }

    [Fact]
    public void AnInitializationThatNeedsAnUnknownWidthIsPredictedWhereEveryWidthSaysTheSame()
    {
        Assert.Equal(Verdict.Vanishing, Predict(Stack(16, "Sigmoid()", "width", parameters: "int width", initialization: "init.normal_(fc.weight, 0, 0.02);")).Verdict);
        Assert.Equal(Verdict.Unknown, Predict(Stack(8, "Tanh()", "width", parameters: "int width", initialization: "init.normal_(fc.weight, 0, 0.02);")).Verdict);
    }

    [Fact]
    public void LoadedWeightsAreNotPredicted() =>
        Assert.Equal(Verdict.Unknown, Predict(Stack(8, "Sigmoid()").Replace("RegisterComponents();", "RegisterComponents(); load(\"weights.bin\");")).Verdict);

    [Fact]
    public void NodesOfTheNetworkAreThoseOfTheGraph()
    {
        var graph = Graph(Net("""
            private readonly Conv2d conv = Conv2d(3, 8, 3, padding: 1);
            private readonly BatchNorm2d norm = BatchNorm2d(8);
            private readonly MaxPool2d pool = MaxPool2d(2);
            private readonly LSTM lstm = LSTM(16, 32, bidirectional: true);
            private readonly Linear head = Linear(8, 10, hasBias: false);
            public Net() : base("net") { RegisterComponents(); }
            public override Tensor forward(Tensor x)
            {
                x = F.leaky_relu(norm.forward(conv.forward(x)) * 2, 0.2);
                x = pool.forward(x).mean([2L, 3L]);
                return F.log_softmax(head.forward(F.dropout(x, 0.1)), 1);
            }
            """));
        var network = GraphNetwork.Of(graph, Loss.CrossEntropy);

        Assert.Equal(graph.Nodes.Length, network.Nodes.Length);
        Assert.Equal(graph.Output, network.Output);
        Assert.Equal(
            ["Input", "Convolution", "BatchNorm", "Scale", "Activation", "MaxPooling", "AdaptivePooling", "Dropout", "Linear", "Softmax"],
            network.Nodes.Select(node => node.Layer.GetType().Name));
        var convolution = (Convolution)network.Nodes[1].Layer;
        Assert.Equal((3, 8, 9, 1), (convolution.Inputs, convolution.Outputs, convolution.Window.Area, convolution.Window.PaddingOf(0)));
        Assert.Equal("conv", network.Nodes[1].Path);
        Assert.Equal(new Activation(ActivationKind.LeakyReLU, 0.2), network.Nodes[4].Layer);
        Assert.Null(((Linear)network.Nodes[8].Layer).Bias);
        Assert.Equal(0.1, ((Dropout)network.Nodes[7].Layer).Probability);
        Assert.Equal(LossKind.CrossEntropy, network.Loss.Kind);
    }

    [Fact]
    public void AVggWithoutNormalizationVanishes()
    {
        var graph = Graph("""
            class Net : Module<Tensor, Tensor>
            {
                private static readonly int[] Channels = { 64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0 };
                private readonly Sequential features, classifier;
                public Net(int classes = 10) : base("vgg16")
                {
                    var layers = new List<Module<Tensor, Tensor>>();
                    long input = 3;
                    foreach (var channels in Channels)
                    {
                        if (channels == 0) { layers.Add(MaxPool2d(2, 2)); continue; }
                        layers.Add(Conv2d(input, channels, 3, padding: 1));
                        layers.Add(ReLU(inplace: true));
                        input = channels;
                    }
                    features = Sequential(layers);
                    classifier = Sequential(Linear(512, 4096), ReLU(), Dropout(), Linear(4096, 4096), ReLU(), Dropout(), Linear(4096, classes));
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x) => classifier.forward(features.forward(x).flatten(1));
            }
            """);

        Assert.Equal(Verdict.Vanishing, GradientFlowPrediction.Predict(GraphNetwork.Of(graph, Loss.CrossEntropy)).Verdict);
    }
}
