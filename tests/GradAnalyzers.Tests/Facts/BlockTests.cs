using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>Blocks that another project makes take part in the prediction.</summary>
public sealed class BlockTests
{
    private const string Library = """
        namespace Shop.Blocks;

        public static class Blocks
        {
            public static Sequential Saturating(long inputs, long outputs) => Sequential(Linear(inputs, outputs), Sigmoid());
            public static Module<Tensor, Tensor> AsModule(long inputs, long outputs) => Sequential(("fc", Linear(inputs, outputs)), ("act", Sigmoid()));
            public static Module<Tensor, Tensor> OfClass(int width) => new SigmoidBlock(width, width);
            public static Module<Tensor, Tensor> Rectified(long inputs, long outputs)
            {
                var linear = Linear(inputs, outputs);
                init.kaiming_normal_(linear.weight, mode: init.FanInOut.FanIn, nonlinearity: init.NonlinearityType.ReLU);
                return Sequential(linear, BatchNorm1d(outputs), ReLU());
            }

            public static Module<Tensor, Tensor> Deep(int depth, long width)
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < depth; i++) { layers.Add(Linear(width, width)); layers.Add(Sigmoid()); }
                return Sequential(layers);
            }

            public static Module<Tensor, Tensor> Eight(long width = 64)
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < 8; i++) { layers.Add(Linear(width, width)); layers.Add(Sigmoid()); }
                return Sequential(layers);
            }
        }

        public sealed class SigmoidBlock : Module<Tensor, Tensor>
        {
            private readonly Linear _linear;
            public SigmoidBlock(long inputs, long outputs) : base("block") { _linear = Linear(inputs, outputs); RegisterComponents(); }
            public override Tensor forward(Tensor x) => torch.sigmoid(_linear.forward(x));
        }

        public sealed class ResidualBlock : Module<Tensor, Tensor>
        {
            private readonly Linear _linear;
            public ResidualBlock(long width) : base("block") { _linear = Linear(width, width); RegisterComponents(); }
            public override Tensor forward(Tensor x) => x + torch.sigmoid(_linear.forward(x));
        }

        public class Wide<T>(long width) : Module<Tensor, Tensor>("w") { public override Tensor forward(Tensor x) => x * width; }
        """;

    public static TheoryData<string, string> Vanishing { get; } = new()
    {
        { "factory of a Sequential", Net("Blocks.Saturating(64, 64)", mark: true) },
        { "factory of a module", Net("Blocks.AsModule(64, 64)", mark: true) },
        { "factory of a class", Net("Blocks.OfClass(64)", mark: true) },
        { "class", Net("new SigmoidBlock(64, 64)", mark: true) },
        { "width that is not known", Net("Blocks.Saturating(width, width)", mark: true).Replace("public Net()", "public Net(long width)").Replace("new Net()", "new Net(options.Length)") },
        { "eight in one", Net("Blocks.Eight()", mark: true, count: 1) },
    };

    public static TheoryData<string, string> Healthy { get; } = new()
    {
        { "normalized and rectified", Net("Blocks.Rectified(64, 64)", mark: false) },
        { "residual", Net("new ResidualBlock(64)", mark: false) },
        { "depth that the facts do not know", Net("Blocks.Deep(8, 64)", mark: false, count: 1) },
        { "generic", Net("new Wide<int>(64)", mark: false) },
        { "loaded", Net("Blocks.Saturating(64, 64)", mark: false).Replace("RegisterComponents();", "RegisterComponents(); load(\"weights.dat\");") },
        { "few", Net("Blocks.Saturating(64, 64)", mark: false, count: 1) },
    };

    [Theory]
    [MemberData(nameof(Vanishing))]
    public async Task ABlockOfAnotherProjectIsPredicted(string _, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.ReferenceAssembly, Seen.Source })
            await Border.Reports("GRAD1001", Library, "using Shop.Blocks;\n" + code, seen);
    }

    [Theory]
    [MemberData(nameof(Healthy))]
    public async Task AHealthyOrUnknownBlockIsLeftAlone(string _, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.Source })
            await Border.IsSilent(Library, "using Shop.Blocks;\n" + code, seen);
    }

    [Fact]
    public Task WithoutFactsNothingIsPredicted() => Border.IsSilent(Library, "using Shop.Blocks;\n" + Net("Blocks.Saturating(64, 64)", mark: true), Seen.Bare);

    private static string Net(string block, bool mark, int count = 8) => $$"""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> _layers;
            public Net() : base("net")
            {
                _layers = Sequential({{string.Join(", ", Enumerable.Range(0, count).Select(index => index == 0 && mark ? $"[|{block}|]" : block))}}, Linear(64, 10));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => _layers.forward(x);
        }

        public static class Training
        {
            public static void Run(Tensor x, Tensor y, string options)
            {
                var model = new Net();
                var optimizer = torch.optim.SGD(model.parameters(), 0.1);
                for (var epoch = 0; epoch < 10; epoch++)
                {
                    optimizer.zero_grad();
                    functional.cross_entropy(model.forward(x), y).backward();
                    optimizer.step();
                }
            }
        }
        """;
}
