using GradAnalyzers.Tests.Evidence;
using Xunit;
using static GradAnalyzers.Tests.Evidence.MeasuredProgram;

namespace GradAnalyzers.Tests.Rules.HeldOut.Evidence;

/// <summary>Held out: models in styles that the mapping had not seen, written before it was.</summary>
public sealed class MeasuredModelsHeldOutTests
{
    private static Task Vanishes(string code, string model, params (string Layer, bool IsBad)[] layers) => Check("GRAD9001", "vanishing", code, model, layers);

    private static Task Check(string id, string verdict, string code, string model, params (string Layer, bool IsBad)[] layers) =>
        new MeasuredProgram(code, ("a.gradients.csv", MeasuredProgram.File(model, [.. layers.SelectMany(layer => new[]
        {
            Row(layer.Layer + ".weight", layer.IsBad ? verdict : "healthy", layer.IsBad ? 1e-6 : 0.3), Row(layer.Layer + ".bias", "healthy", 0.1),
        })]))).Reports(id);

    [Fact]
    public Task FieldsThatTheConstructorAssigns() => Vanishes("""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear first, second;
            public Net(int width = 8) : base(nameof(Net))
            {
                first = [|Linear(4, width)|];
                second = Linear(width, 2);
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => second.forward(functional.relu(first.forward(x)));
        }
        """, "Net", ("first", true), ("second", false));

    [Fact]
    public async Task LayersOfALoopAreOneReportWithTheirIndices()
    {
        const string Code = """
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Sequential layers = Sequential();
                public Net() : base(nameof(Net))
                {
                    for (var i = 0; i < 4; i++)
                        layers.append([|Linear(8, 8)|]).append(ReLU());
                    layers.append(Linear(8, 1));
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x) => layers.forward(x);
            }
            """;
        (string, bool)[] layers = [("layers.0", true), ("layers.2", true), ("layers.4", true), ("layers.6", false), ("layers.8", false)];
        await Vanishes(Code, "Net", layers);

        var message = Assert.Single(await new MeasuredProgram(Code, ("a.gradients.csv", MeasuredProgram.File("Net", [.. layers.SelectMany(layer => new[]
        {
            Row(layer.Item1 + ".weight", layer.Item2 ? "vanishing" : "healthy", layer.Item2 ? 1e-6 : 0.3), Row(layer.Item1 + ".bias", "healthy", 0.1),
        })]))).Messages("GRAD9001"));
        Assert.Contains("0, 2, 4", message);
    }

    [Fact]
    public Task ABlockThatIsUsedTwiceIsReportedInItsClass() => Vanishes("""
        public sealed class Block : Module<Tensor, Tensor>
        {
            private readonly Linear inner = [|Linear(8, 8)|];
            public Block() : base(nameof(Block)) => RegisterComponents();
            public override Tensor forward(Tensor x) => functional.relu(inner.forward(x));
        }
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Block one = new(), two = new();
            private readonly Linear head = Linear(8, 2);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => head.forward(two.forward(one.forward(x)));
        }
        """, "Net", ("one.inner", true), ("two.inner", false), ("head", false));

    [Fact]
    public Task LayersInProperties() => Vanishes("""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private Linear First { get; } = [|Linear(4, 8)|];
            private Linear Second { get; } = Linear(8, 2);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => Second.forward(functional.gelu(First.forward(x)));
        }
        """, "Net", ("<First>k__BackingField", true), ("<Second>k__BackingField", false));

    [Fact]
    public Task AGenericModelGoesByItsNameAtRunTime() => Vanishes("""
        public sealed class Net<T> : Module<Tensor, Tensor>
        {
            private readonly Linear first = [|Linear(4, 8)|];
            private readonly Linear second = Linear(8, 2);
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => second.forward(functional.relu(first.forward(x)));
        }
        public static class Use { public static Net<string> Make() => new(); }
        """, "Net`1", ("first", true), ("second", false));

    [Fact]
    public Task ABaseClassHoldsTheLayers() => Vanishes("""
        public abstract class Base : Module<Tensor, Tensor>
        {
            protected readonly Linear first = [|Linear(4, 8)|];
            protected Base(string name) : base(name) { }
        }
        public sealed class Net : Base
        {
            private readonly Linear second = Linear(8, 2);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => second.forward(functional.relu(first.forward(x)));
        }
        """, "Net", ("first", true), ("second", false));

    [Fact]
    public Task NamedElementsOfASequential() => Vanishes("""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential body = Sequential(("wide", [|Linear(4, 8)|]), ("act", Tanh()), ("narrow", Linear(8, 2)));
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => body.forward(x);
        }
        """, "Net", ("body.wide", true), ("body.narrow", false));

    [Fact]
    public Task AModuleListThatLinqFills() => Vanishes("""
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Module<Tensor, Tensor>> blocks;
            public Net() : base(nameof(Net))
            {
                blocks = new ModuleList<Module<Tensor, Tensor>>(Enumerable.Range(0, 3).Select(i => (Module<Tensor, Tensor>)[|Linear(8, 8)|]).ToArray());
                RegisterComponents();
            }
            public override Tensor forward(Tensor x)
            {
                foreach (var block in blocks)
                    x = functional.relu(block.forward(x));
                return x;
            }
        }
        """, "Net", ("blocks.0", true), ("blocks.1", false), ("blocks.2", false));

    [Fact]
    public Task ASequentialThatNoClassHolds() => Vanishes("""
        public static class Program
        {
            public static void Train(Tensor x, Tensor y)
            {
                var model = Sequential([|Linear(4, 8)|], ReLU(), Linear(8, 2));
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """, "Sequential", ("0", true), ("2", false));

    [Fact]
    public Task AConvolutionalModelWithANestedClass() => Check("GRAD9003", "dead", """
        public static class Models
        {
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Conv2d conv = [|Conv2d(3, 8, 3)|];
                private readonly Linear head = Linear(8, 2);
                public Net() : base(nameof(Net)) => RegisterComponents();
                public override Tensor forward(Tensor x) => head.forward(functional.relu(conv.forward(x)).mean([2L, 3L]));
            }
        }
        """, "Net", ("conv", true), ("head", false));

    [Fact]
    public Task TwoClassesOfOneNameAreLeftAlone() => Vanishes("""
        namespace One
        {
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Linear first = Linear(4, 8);
                public Net() : base(nameof(Net)) => RegisterComponents();
                public override Tensor forward(Tensor x) => first.forward(x);
            }
        }
        namespace Two
        {
            public sealed class Net : Module<Tensor, Tensor>
            {
                private readonly Linear first = Linear(4, 8);
                public Net() : base(nameof(Net)) => RegisterComponents();
                public override Tensor forward(Tensor x) => first.forward(x);
            }
        }
        """, "Net", ("first", true));

    [Fact]
    public Task AParameterThatTheModelNoLongerHasIsStale() => Check("GRAD9004", "vanishing", """
        public sealed class [|Net|] : Module<Tensor, Tensor>
        {
            private readonly Linear first = Linear(4, 8);
            private readonly Linear second = Linear(8, 2);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => second.forward(functional.relu(first.forward(x)));
        }
        """, "Net", ("first", true), ("second", false), ("third", false));

    [Fact]
    public Task AModelOfAnotherProjectIsNoneOfOurs() => Check("GRAD9004", "vanishing", """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear first = Linear(4, 8);
            public Net() : base(nameof(Net)) => RegisterComponents();
            public override Tensor forward(Tensor x) => first.forward(x);
        }
        """, "Elsewhere", ("first", true), ("third", false));
}
