using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.GradientPath.LayerNotRegistered, GradAnalyzers.CodeFixes.LayerNotRegisteredFixer>;

namespace GradAnalyzers.Tests.Rules.GradientPath;

/// <summary>Written before the rule, in styles of public code, and not looked at while it was made.</summary>
public sealed class LayerNotRegisteredHeldOutTests
{
    [Fact]
    public Task AUnetsBlocksInAnArrayProperty() => Verify.Reports("""
        public class Down : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> body;
            public Down(int i, int o) : base("Down")
            {
                body = Sequential(Conv2d(i, o, 3, padding: 1), ReLU(), MaxPool2d(2));
                RegisterComponents();
            }
            public override Tensor forward(Tensor input) => body.call(input);
        }

        public class Encoder : Module<Tensor, Tensor>
        {
            public Down[] [|Steps|] { get; }

            public Encoder(int[] widths) : base("Encoder")
            {
                Steps = new Down[widths.Length - 1];
                for (int i = 0; i < Steps.Length; i++)
                    Steps[i] = new Down(widths[i], widths[i + 1]);
                RegisterComponents();
            }

            public override Tensor forward(Tensor input)
            {
                Tensor t = input;
                foreach (var step in Steps)
                    t = step.call(t);
                return t;
            }
        }

        public static class Start
        {
            public static Encoder Make() => new Encoder(new[] { 3, 8, 16 });
        }
        """);

    [Fact]
    public Task HeadsByNameInADictionaryOfAFactory() => Verify.Reports("""
        public class MultiTask : Module<Tensor, Tensor>
        {
            private readonly Linear trunk;
            private readonly IDictionary<string, Module<Tensor, Tensor>> [|_heads|] = new Dictionary<string, Module<Tensor, Tensor>>();

            public MultiTask() : base(nameof(MultiTask))
            {
                trunk = nn.Linear(32, 16);
                _heads["age"] = nn.Linear(16, 1);
                _heads["sex"] = nn.Linear(16, 2);
                this.RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                using var t = functional.relu(trunk.call(x));
                return cat(new[] { _heads["age"].call(t), _heads["sex"].call(t) }, 1);
            }
        }
        """);

    [Fact]
    public Task TheDerivedConstructorComesTooLate() => Verify.Reports("""
        public abstract class NetBase : Module<Tensor, Tensor>
        {
            protected Linear first;

            protected NetBase(string name, int inputs) : base(name)
            {
                first = Linear(inputs, 64);
                RegisterComponents();
            }
        }

        public sealed class Policy : NetBase
        {
            private Linear mean;

            public Policy() : base("Policy", 8)
            {
                [|mean = Linear(64, 2)|];
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => mean.forward(tanh(first.forward(x)));
        }
        """);

    [Fact]
    public Task ABlockInASequentialThatForgot() => Verify.Reports("""
        public class [|ResidualBlock|] : Module<Tensor, Tensor>
        {
            private readonly Conv2d conv1, conv2;

            public ResidualBlock(long channels) : base("ResidualBlock")
            {
                conv1 = Conv2d(channels, channels, 3, padding: 1);
                conv2 = Conv2d(channels, channels, 3, padding: 1);
            }

            public override Tensor forward(Tensor x) => (x + conv2.call(functional.relu(conv1.call(x)))).relu();
        }

        public class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers;

            public Net() : base("Net")
            {
                layers = Sequential(("stem", Conv2d(3, 16, 3)), ("block1", new ResidualBlock(16)), ("block2", new ResidualBlock(16)));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => layers.call(x);
        }
        """);

    [Fact]
    public Task TheWholeNetworkForgot() => Verify.Reports("""
        class [|Classifier|] : nn.Module<Tensor, Tensor>
        {
            Linear hidden = nn.Linear(784, 128);
            Linear output = nn.Linear(128, 10);

            public Classifier() : base("Classifier") { }

            public override Tensor forward(Tensor images)
            {
                var flat = images.view(-1, 784);
                return output.forward(functional.relu(hidden.forward(flat)));
            }
        }

        static class Runner
        {
            static void Run(Tensor images, Tensor labels)
            {
                using var net = new Classifier();
                var sgd = optim.SGD(net.parameters(), 0.01);
                sgd.zero_grad();
                functional.cross_entropy(net.forward(images), labels).backward();
                sgd.step();
            }
        }
        """);

    [Fact]
    public Task AGatePairInATuple() => Verify.Reports("""
        public class Gated : Module<Tensor, Tensor>
        {
            private readonly (Linear Value, Linear Gate) [|pair|];

            public Gated() : base("Gated")
            {
                pair = (Linear(16, 16), Linear(16, 16));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => pair.Value.forward(x) * sigmoid(pair.Gate.forward(x));
        }
        """);

    [Fact]
    public Task ListsMadeByLinq() => Verify.Reports("""
        public class Ensemble : Module<Tensor, Tensor>
        {
            private readonly List<Linear> [|members|];

            public Ensemble(int count = 4) : base("Ensemble")
            {
                members = Enumerable.Range(0, count).Select(_ => Linear(16, 1)).ToList();
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => stack(members.Select(m => m.forward(x)).ToArray()).mean(new long[] { 0 });
        }
        """);

    [Fact]
    public Task TheListIsFilledAfterItsRegistration() => Verify.Reports("""
        public class Tower : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> floors = new();

            public Tower() : base("Tower")
            {
                RegisterComponents();
                for (var i = 0; i < 3; i++)
                    floors.Add([|Linear(16, 16)|]);
            }

            public override Tensor forward(Tensor x)
            {
                foreach (var floor in floors)
                    x = functional.gelu(floor.forward(x));
                return x;
            }
        }
        """);

    [Fact]
    public Task ATensorThatShouldBeAParameter() => Verify.Reports("""
        public class Scale : Module<Tensor, Tensor>
        {
            private readonly Tensor gamma;
            private Tensor beta = [|torch.zeros(16, requires_grad: true)|];

            public Scale() : base("Scale")
            {
                gamma = [|torch.ones(16).requires_grad_()|];
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => x * gamma + beta;
        }
        """);

    [Fact]
    public Task WhatIsMadeAtTheFirstForward() => Verify.Reports("""
        public class Lazy : Module<Tensor, Tensor>
        {
            private readonly Conv2d conv = Conv2d(3, 8, 3);
            private Linear head;

            public Lazy() : base("Lazy") => RegisterComponents();

            public override Tensor forward(Tensor x)
            {
                var y = conv.forward(x).flatten(1);
                if (head is null)
                    [|head = Linear(y.shape[1], 10)|];
                return head.forward(y);
            }
        }
        """);

    [Fact]
    public Task OnPurposeOrDoneElsewhere() => Verify.IsSilent("""
        // Registers by hand.
        public class ByHand : Module<Tensor, Tensor>
        {
            private readonly List<Linear> layers = new();

            public ByHand(int depth) : base("ByHand")
            {
                for (int i = 0; i < depth; i++)
                {
                    var layer = Linear(16, 16);
                    register_module($"layer{i}", layer);
                    layers.Add(layer);
                }
            }

            public override Tensor forward(Tensor x) => layers.Aggregate(x, (t, layer) => layer.forward(t));
        }

        // Its parent registers it: RegisterComponents of a field's module is called by register_module.
        public class Inner : Module<Tensor, Tensor>
        {
            private readonly Linear fc = Linear(4, 4);
            public Inner() : base("Inner") { }
            public override Tensor forward(Tensor x) => fc.forward(x);
        }

        public class Outer : Module<Tensor, Tensor>
        {
            private readonly Inner inner = new();
            private readonly ModuleList<Inner> more = ModuleList(new Inner(), new Inner());
            public Outer() : base("Outer") => RegisterComponents();
            public override Tensor forward(Tensor x) => more[1].forward(more[0].forward(inner.forward(x)));
        }

        // A frozen teacher beside the student.
        public class Distilled : Module<Tensor, Tensor>
        {
            private readonly Linear student = Linear(4, 4);
            private readonly Module<Tensor, Tensor>[] teacher;

            public Distilled(Module<Tensor, Tensor> teacher) : base("Distilled")
            {
                this.teacher = new[] { teacher };
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                using (no_grad())
                    teacher[0].forward(x);
                return student.forward(x);
            }
        }

        // The field's second name in an array is only another way to it.
        public class Indexed : Module<Tensor, Tensor>
        {
            private readonly Linear a = Linear(4, 4), b = Linear(4, 4);
            private readonly Linear[] all;

            public Indexed() : base("Indexed")
            {
                all = new[] { a, b };
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                foreach (var layer in all)
                    x = layer.forward(x);
                return x;
            }
        }

        // Nothing to train, move or save.
        public class Stateless : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor>[] activations = { ReLU(), Tanh() };
            public Stateless() : base("Stateless") => RegisterComponents();
            public override Tensor forward(Tensor x) => activations[1].forward(activations[0].forward(x));
        }

        // It gives its own parameters out.
        public class GivesOut : Module<Tensor, Tensor>
        {
            private readonly Linear[] layers = { Linear(4, 4), Linear(4, 4) };
            public GivesOut() : base("GivesOut") => RegisterComponents();
            public IEnumerable<Parameter> All() => layers.SelectMany(layer => layer.parameters());
            public override Tensor forward(Tensor x) => layers[1].forward(layers[0].forward(x));
        }

        // Elements that go into a Sequential, which is registered.
        public class Built : Module<Tensor, Tensor>
        {
            private readonly Sequential all;

            public Built() : base("Built")
            {
                var layers = new List<(string, Module<Tensor, Tensor>)>();
                for (var i = 0; i < 3; i++)
                    layers.Add(($"fc{i}", Linear(4, 4)));
                all = Sequential(layers);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => all.forward(x);
        }

        // A tensor of data is a buffer and meant so.
        public class Positions : Module<Tensor, Tensor>
        {
            private readonly Tensor table = torch.arange(16).to(torch.float32);
            private readonly Linear fc = Linear(16, 16);
            public Positions() : base("Positions") => RegisterComponents();
            public override Tensor forward(Tensor x) => fc.forward(x + table);
        }
        """);
}
