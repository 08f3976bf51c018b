using Xunit;

namespace GradAnalyzers.Tests.Facts;

/// <summary>Blocks of layers that another project makes, stacked in this one.</summary>
public sealed class BlockTests
{
    private const string Library = """
        namespace Shop.Blocks;

        public sealed class SigmoidBlock : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;
            public SigmoidBlock(long width = 64) : base(nameof(SigmoidBlock)) { _fc = Linear(width, width); RegisterComponents(); }
            public override Tensor forward(Tensor x) => torch.sigmoid(_fc.forward(x));
            public void Initialize() => nn.init.xavier_normal_(_fc.weight);
        }

        public sealed class ReluBlock : Module<Tensor, Tensor>
        {
            private readonly Linear _fc;
            public ReluBlock(long width) : base(nameof(ReluBlock)) { _fc = Linear(width, width); nn.init.kaiming_normal_(_fc.weight); RegisterComponents(); }
            public override Tensor forward(Tensor x) => functional.relu(_fc.forward(x));
        }

        public sealed class NormBlock : Module<Tensor, Tensor>
        {
            private readonly Sequential _body;
            public NormBlock(long width) : base(nameof(NormBlock)) { _body = Sequential(Linear(width, width), BatchNorm1d(width)); RegisterComponents(); }
            public override Tensor forward(Tensor x) => functional.relu(_body.forward(x));
        }

        public sealed class Tower : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> _layers = new();
            public Tower(int depth = 8) : base(nameof(Tower)) { for (var i = 0; i < depth; i++) _layers.Add(Linear(32, 32)); RegisterComponents(); }
            public override Tensor forward(Tensor x) { foreach (var layer in _layers) x = torch.sigmoid(layer.forward(x)); return x; }
        }

        public static class Blocks
        {
            public static Module<Tensor, Tensor> Saturating(long width) => Sequential(Linear(width, width), Sigmoid());
            public static Sequential Fine(long width) => Sequential(Linear(width, width), BatchNorm1d(width), ReLU());
            public static Module<Tensor, Tensor> Choose(long width, string name) => name == "relu" ? new ReluBlock(width) : new SigmoidBlock(width);
            public static Module<Tensor, Tensor> Wrapped(this long width) => new SigmoidBlock(width);
            public static Linear Layer(long inputs, long outputs, bool bias = true) => Linear(inputs, outputs, hasBias: bias);
            public static Module<Tensor, Tensor> Deep() => new Tower(12);
        }
        """;

    public static TheoryData<string, string, string> Wrong { get; } = new()
    {
        { "constructor in a Sequential", "GRAD1001", Trained($"Sequential([|new SigmoidBlock(64)|], {Stack("new SigmoidBlock(64)", 8)}, Linear(64, 10))") },
        { "constructor with its default", "GRAD1001", Trained($"Sequential([|new SigmoidBlock()|], {Stack("new SigmoidBlock()", 8)}, Linear(64, 10))") },
        { "factory in a Sequential", "GRAD1001", Trained($"Sequential([|Blocks.Saturating(64)|], {Stack("Blocks.Saturating(64)", 8)}, Linear(64, 10))") },
        { "extension", "GRAD1001", Trained($"Sequential([|64L.Wrapped()|], {Stack("64L.Wrapped()", 8)}, Linear(64, 10))") },
        { "layers of a factory between activations of this project", "GRAD1001", Trained($"Sequential([|Blocks.Layer(64, 64)|], Sigmoid(), {Stack("Blocks.Layer(64, 64), Sigmoid()", 8)}, Linear(64, 10))") },
        { "plain blocks", "GRAD1003", Trained($"Sequential([|new NormBlock(64)|], {Stack("new NormBlock(64)", 59)}, Linear(64, 10))") },
        { "whole model", "GRAD1001", Trained("[|Blocks.Deep()|]") },
        { "whole model by its constructor", "GRAD1001", Trained("[|new Tower()|]") },
        { "fields of a class", "GRAD1001", """
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly SigmoidBlock _b1 = [|new SigmoidBlock(48)|], _b2 = new(48), _b3 = new(48), _b4 = new(48), _b5 = new(48), _b6 = new(48), _b7 = new(48), _b8 = new(48);
                private readonly Linear _head = Linear(48, 10);
                public Net() : base(nameof(Net)) => RegisterComponents();
                public override Tensor forward(Tensor x) => _head.forward(_b8.forward(_b7.forward(_b6.forward(_b5.forward(_b4.forward(_b3.forward(_b2.forward(_b1.forward(x)))))))));
            }
            """ + Trained("new Net()") },
        { "loop over a list", "GRAD1001", """
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly ModuleList<Module<Tensor, Tensor>> _blocks = new();
                private readonly Linear _head;
                public Net(long width) : base(nameof(Net))
                {
                    for (var i = 0; i < 9; i++)
                        _blocks.Add([|Blocks.Saturating(width)|]);
                    _head = Linear(width, 10);
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x)
                {
                    foreach (var block in _blocks)
                        x = block.forward(x);
                    return _head.forward(x);
                }
            }
            """ + Trained("new Net(80)") },
    };

    public static TheoryData<string, string> Fine { get; } = new()
    {
        { "few", Trained($"Sequential({Stack("new SigmoidBlock(64)", 2)}, Linear(64, 10))") },
        { "relu blocks", Trained($"Sequential({Stack("new ReluBlock(64)", 9)}, Linear(64, 10))") },
        { "normalized", Trained($"Sequential({Stack("Blocks.Fine(64)", 9)}, Linear(64, 10))") },
        { "not known which", Trained($"Sequential({Stack("Blocks.Choose(64, \"sigmoid\")", 9)}, Linear(64, 10))") },
        { "a size that changes the structure", Trained("new Tower(9)") },
        { "initialized there", """
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly ModuleList<Module<Tensor, Tensor>> _blocks = new();
                public Net() : base(nameof(Net))
                {
                    for (var i = 0; i < 9; i++)
                    {
                        var block = new SigmoidBlock(64);
                        block.Initialize();
                        _blocks.Add(block);
                    }
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x)
                {
                    foreach (var block in _blocks)
                        x = block.forward(x);
                    return x;
                }
            }
            """ + Trained("new Net()") },
        { "inference", "public static class Use { public static Tensor Run(Tensor x) => " + $"Sequential({Stack("new SigmoidBlock(64)", 9)}).forward(x);" + " }" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task TheStackIsReportedWhereThisProjectMakesIt(string _, string id, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.ReferenceAssembly, Seen.Source })
            await Border.Reports(id, Library, Usings + code, seen);
        await Border.IsSilent(Library, Usings + code, Seen.Bare);
    }

    [Theory]
    [MemberData(nameof(Fine))]
    public async Task WhatIsWellOrNotKnownIsNotReported(string _, string code)
    {
        foreach (var seen in new[] { Seen.Assembly, Seen.ReferenceAssembly, Seen.Source })
            await Border.IsSilent(Library, Usings + code, seen);
    }

    [Fact]
    public async Task AModelThatItsOwnProjectTrainsIsReportedThereOnly()
    {
        var library = Library + Trained("new Tower(8)").Replace("class Main", "class Demo", StringComparison.Ordinal);

        await Border.IsSilent(library, Usings + Trained("Blocks.Deep()"), Seen.Assembly);
        await Border.Reports("GRAD1001", library, Usings + Trained($"Sequential([|new SigmoidBlock(64)|], {Stack("new SigmoidBlock(64)", 8)}, Linear(64, 10))"), Seen.Assembly);
    }

    [Fact]
    public async Task AListOfBlocksIsReportedOnceAsNotRegistered() => await Border.Reports("GRAD4001", Library, Usings + """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly List<ReluBlock> [|_blocks|] = new() { new ReluBlock(64), new ReluBlock(64) };
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) { foreach (var block in _blocks) x = block.forward(x); return x; }
        }
        """ + Trained("new Net()"), Seen.Assembly);

    private const string Usings = "using Shop.Blocks;\n";

    internal static string Stack(string block, int count) => string.Join(", ", Enumerable.Repeat(block, count));

    internal static string Trained(string model) => $$"""

        public static class Main
        {
            public static void Run(Tensor x, Tensor y)
            {
                var model = {{model}};
                var optimizer = torch.optim.Adam(model.parameters());
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
