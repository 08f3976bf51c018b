using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>Held out: written before the reading of blocks, in other styles than its own tests.</summary>
public sealed class BlockHeldOutTests
{
    private const string Library = """
        namespace Vision
        {
            namespace Parts
            {
                public class ConvTanh : nn.Module<torch.Tensor, torch.Tensor>
                {
                    readonly TorchSharp.Modules.Conv2d conv;
                    readonly nn.Module<torch.Tensor, torch.Tensor> act;

                    public ConvTanh(int channels) : base("ConvTanh")
                    {
                        this.conv = nn.Conv2d(channels, channels, 3, padding: 1);
                        this.act = nn.Sigmoid();
                        this.RegisterComponents();
                    }

                    public override torch.Tensor forward(torch.Tensor input)
                    {
                        using var scope = torch.NewDisposeScope();
                        var y = this.conv.call(input);
                        y = this.act.call(y);
                        return y.MoveToOuterDisposeScope();
                    }
                }

                public class Mlp2 : nn.Module<torch.Tensor, torch.Tensor>
                {
                    public Mlp2(long inFeatures, long hidden, long outFeatures) : base("Mlp2")
                    {
                        First = nn.Linear(inFeatures, hidden);
                        Second = nn.Linear(hidden, outFeatures);
                        RegisterComponents();
                    }

                    public TorchSharp.Modules.Linear First { get; }
                    public TorchSharp.Modules.Linear Second { get; }

                    public override torch.Tensor forward(torch.Tensor input) => Second.forward(First.forward(input).sigmoid_()).sigmoid_();
                }

                public class Skip : nn.Module<torch.Tensor, torch.Tensor>
                {
                    readonly TorchSharp.Modules.Linear inner;
                    public Skip(long n) : base("Skip") { inner = nn.Linear(n, n); RegisterComponents(); }
                    public override torch.Tensor forward(torch.Tensor x) => x + torch.sigmoid(inner.forward(x));
                }

                public static class Make
                {
                    public static nn.Module<torch.Tensor, torch.Tensor> Dense(long n, ActivationType kind = ActivationType.Sigmoid)
                        => nn.Sequential(("fc", nn.Linear(n, n)), ("act", kind == ActivationType.Sigmoid ? (nn.Module<torch.Tensor, torch.Tensor>)nn.Sigmoid() : nn.ReLU()));
                }

                public enum ActivationType { Sigmoid, Relu }

                public record Config(int Width, int Depth);

                public class Configured : nn.Module<torch.Tensor, torch.Tensor>
                {
                    readonly TorchSharp.Modules.Sequential body;
                    public Configured(Config config) : base("Configured")
                    {
                        var layers = new List<(string, nn.Module<torch.Tensor, torch.Tensor>)>();
                        for (int i = 0; i < config.Depth; i++) { layers.Add(($"l{i}", nn.Linear(config.Width, config.Width))); layers.Add(($"a{i}", nn.Sigmoid())); }
                        body = nn.Sequential(layers);
                        RegisterComponents();
                    }
                    public override torch.Tensor forward(torch.Tensor x) => body.forward(x);
                }
            }
        }
        """;

    public static TheoryData<string, string> Wrong { get; } = new()
    {
        { "named elements", Train("nn.Sequential((\"a\", [|new Mlp2(32, 64, 32)|]), (\"b\", new Mlp2(32, 64, 32)), (\"c\", new Mlp2(32, 64, 32)), (\"d\", new Mlp2(32, 64, 32)), (\"e\", new Mlp2(32, 64, 32)))") },
        { "list of parts", "public static class Build { public static TorchSharp.Modules.Sequential Net() { var parts = new List<nn.Module<torch.Tensor, torch.Tensor>>(); for (int i = 0; i < 10; i++) parts.Add([|Make.Dense(40)|]); return nn.Sequential(parts); } }\n" + Train("Build.Net()") },
        { "enumeration given", Train("nn.Sequential([|Make.Dense(40, ActivationType.Sigmoid)|], Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid), Make.Dense(40, ActivationType.Sigmoid))") },
        { "convolutions", """
            public class Net : nn.Module<torch.Tensor, torch.Tensor>
            {
                readonly TorchSharp.Modules.Sequential features;
                public Net() : base("Net")
                {
                    features = nn.Sequential(Enumerable.Range(0, 9).Select(i => ($"block{i}", (nn.Module<torch.Tensor, torch.Tensor>)[|new ConvTanh(16)|])));
                    RegisterComponents();
                }
                public override torch.Tensor forward(torch.Tensor x) => features.forward(x).mean(new long[] { 2, 3 });
            }
            """ + Train("new Net()") },
    };

    public static TheoryData<string, string> Fine { get; } = new()
    {
        { "residual inside", Train($"nn.Sequential({BlockTests.Stack("new Skip(32)", 9)})") },
        { "residual outside", """
            public class Net : nn.Module<torch.Tensor, torch.Tensor>
            {
                readonly TorchSharp.Modules.ModuleList<Mlp2> blocks = nn.ModuleList(new Mlp2(32, 64, 32), new Mlp2(32, 64, 32), new Mlp2(32, 64, 32), new Mlp2(32, 64, 32), new Mlp2(32, 64, 32));
                public Net() : base("Net") => RegisterComponents();
                public override torch.Tensor forward(torch.Tensor x) { foreach (var b in blocks) x = x + b.call(x); return x; }
            }
            """ + Train("new Net()") },
        { "relu chosen", Train($"nn.Sequential({BlockTests.Stack("Make.Dense(40, ActivationType.Relu)", 9)})") },
        { "configured", Train("new Configured(new Config(32, 3))") },
        { "loaded", Train($"Load(nn.Sequential({BlockTests.Stack("Make.Dense(40)", 9)}))").Replace("public static void Main", "static T Load<T>(T net) where T : nn.Module { net.load(\"weights.bin\"); return net; } public static void Main", StringComparison.Ordinal) },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public Task Reported(string _, string code) => Border.Reports("GRAD1001", Library, "using Vision.Parts;\n" + code, Seen.Assembly);

    [Theory]
    [MemberData(nameof(Fine))]
    public Task Silent(string _, string code) => Border.IsSilent(Library, "using Vision.Parts;\n" + code, Seen.Assembly);

    private static string Train(string model) => $$"""

        public class Program
        {
            public static void Main()
            {
                using var net = {{model}};
                using var opt = torch.optim.SGD(net.parameters(), 0.1);
                var criterion = nn.MSELoss();
                foreach (var (x, y) in new (torch.Tensor, torch.Tensor)[4])
                {
                    opt.zero_grad();
                    using var loss = criterion.forward(net.forward(x), y);
                    loss.backward();
                    opt.step();
                }
            }
        }
        """;
}
