using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Flow.SaturatingStack, GradAnalyzers.CodeFixes.SaturatingStackFixer>;

namespace GradAnalyzers.Tests.Rules.Flow;

public sealed class SaturatingStackTests
{
    [Fact]
    public Task AForwardOfSigmoidsIsReportedAtItsFirstLayerAndBecomesReluWithKaiming() => Verify.Fixes(
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear fc1 = [|Linear(10, 64)|];
            private readonly Linear fc2 = Linear(64, 64);
            private readonly Linear fc3 = Linear(64, 64);
            private readonly Linear fc4 = Linear(64, 64);
            private readonly Linear fc5 = Linear(64, 64);
            private readonly Linear fc6 = Linear(64, 1);

            public Net() : base(nameof(Net))
            {
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = functional.sigmoid(fc1.forward(x));
                x = torch.sigmoid(fc2.forward(x));
                x = fc3.forward(x).sigmoid();
                x = fc4.forward(x).sigmoid_();
                x = torch.sigmoid_(fc5.forward(x));
                return torch.sigmoid(fc6.forward(x));
            }
        }
        """,
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Linear fc1 = Linear(10, 64);
            private readonly Linear fc2 = Linear(64, 64);
            private readonly Linear fc3 = Linear(64, 64);
            private readonly Linear fc4 = Linear(64, 64);
            private readonly Linear fc5 = Linear(64, 64);
            private readonly Linear fc6 = Linear(64, 1);

            public Net() : base(nameof(Net))
            {
                torch.nn.init.kaiming_normal_(fc1.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                torch.nn.init.kaiming_normal_(fc2.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                torch.nn.init.kaiming_normal_(fc3.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                torch.nn.init.kaiming_normal_(fc4.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                torch.nn.init.kaiming_normal_(fc5.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = functional.relu(fc1.forward(x));
                x = torch.nn.functional.relu(fc2.forward(x));
                x = fc3.forward(x).relu();
                x = fc4.forward(x).relu_();
                x = torch.nn.functional.relu(fc5.forward(x), inplace: true);
                return torch.sigmoid(fc6.forward(x));
            }
        }
        """, models: Training.Models);

    [Fact]
    public Task ASequentialInAFieldIsInitializedByALoop() => Verify.Fixes(
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(
                [|Linear(10, 64)|], Sigmoid(),
                Linear(64, 64), nn.Sigmoid(),
                Linear(64, 64), torch.nn.Sigmoid(),
                Linear(64, 64), Tanh(),
                Linear(64, 64), Sigmoid(),
                Linear(64, 1), Sigmoid());

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """,
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(
                Linear(10, 64), ReLU(),
                Linear(64, 64), nn.ReLU(),
                Linear(64, 64), torch.nn.ReLU(),
                Linear(64, 64), ReLU(),
                Linear(64, 64), ReLU(),
                Linear(64, 1), Sigmoid());

            public Net() : base(nameof(Net))
            {
                RegisterComponents();
                foreach (var module in modules())
                {
                    if (module is Linear linear)
                        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                }
            }

            public override Tensor forward(Tensor x) => layers.forward(x);
        }
        """, models: Training.Models);

    [Fact]
    public Task ASequentialOfATopLevelProgramIsInitializedAfterItsDeclaration() => Verify.Fixes(
        """
        var hidden = 64;
        var model = Sequential(
            ("fc1", [|Linear(10, hidden)|]), ("act1", Sigmoid()),
            ("fc2", Linear(hidden, hidden)), ("act2", Sigmoid()),
            ("fc3", Linear(hidden, hidden)), ("act3", Sigmoid()),
            ("fc4", Linear(hidden, hidden)), ("act4", Sigmoid()),
            ("fc5", Linear(hidden, 1)));
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.step();
        """,
        """
        var hidden = 64;
        var model = Sequential(
            ("fc1", Linear(10, hidden)), ("act1", ReLU()),
            ("fc2", Linear(hidden, hidden)), ("act2", ReLU()),
            ("fc3", Linear(hidden, hidden)), ("act3", ReLU()),
            ("fc4", Linear(hidden, hidden)), ("act4", ReLU()),
            ("fc5", Linear(hidden, 1)));
        foreach (var module in model.modules())
        {
            if (module is Linear linear)
                torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
        }
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.step();
        """, isProgram: true, models: Training.Models);

    [Fact]
    public Task ALoopThatFillsAListForASequential() => Verify.Fixes(
        """
        public static class Program
        {
            public static void Run()
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < 8; i++)
                {
                    layers.Add([|Linear(64, 64)|]);
                    layers.Add(Sigmoid());
                }

                layers.Add(Linear(64, 10));
                var model = Sequential(layers);
            }
        }
        """,
        """
        public static class Program
        {
            public static void Run()
            {
                var layers = new List<Module<Tensor, Tensor>>();
                for (var i = 0; i < 8; i++)
                {
                    layers.Add(Linear(64, 64));
                    layers.Add(ReLU());
                }

                layers.Add(Linear(64, 10));
                var model = Sequential(layers);
                foreach (var module in model.modules())
                {
                    if (module is Linear linear)
                        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                }
            }
        }
        """, models: Training.Models);

    [Fact]
    public Task AModuleListLoopAndATypedActivationField() => Verify.Fixes(
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> layers = new();
            private readonly Tanh act = Tanh();

            public Net(int depth = 40) : base(nameof(Net))
            {
                for (var i = 0; i < depth; i++)
                    layers.Add([|Linear(32, 32)|]);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                for (var i = 0; i < layers.Count - 1; i++)
                    x = act.call(layers[i].call(x));
                return layers[^1].call(x);
            }
        }
        """,
        """
        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly ModuleList<Linear> layers = new();
            private readonly ReLU act = ReLU();

            public Net(int depth = 40) : base(nameof(Net))
            {
                for (var i = 0; i < depth; i++)
                    layers.Add(Linear(32, 32));
                RegisterComponents();
                foreach (var module in modules())
                {
                    if (module is Linear linear)
                        torch.nn.init.kaiming_normal_(linear.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                }
            }

            public override Tensor forward(Tensor x)
            {
                for (var i = 0; i < layers.Count - 1; i++)
                    x = act.call(layers[i].call(x));
                return layers[^1].call(x);
            }
        }
        """, models: Training.Models);

    [Fact]
    public Task ASubmoduleInSourceIsReportedWhereTheModelMakesIt() => Verify.Fixes(
        """
        public sealed class Block : Module<Tensor, Tensor>
        {
            private readonly Linear fc;

            public Block(int width) : base(nameof(Block))
            {
                fc = Linear(width, width);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => functional.sigmoid(fc.forward(x));
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Block one = [|new(32)|];
            private readonly Block two = new(32);
            private readonly Block three = new(32);
            private readonly Block four = new(32);
            private readonly Block five = new(32);
            private readonly Linear head = Linear(32, 10);

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => head.forward(five.forward(four.forward(three.forward(two.forward(one.forward(x))))));
        }
        """,
        """
        public sealed class Block : Module<Tensor, Tensor>
        {
            private readonly Linear fc;

            public Block(int width) : base(nameof(Block))
            {
                fc = Linear(width, width);
                torch.nn.init.kaiming_normal_(fc.weight, nonlinearity: torch.nn.init.NonlinearityType.ReLU);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => functional.relu(fc.forward(x));
        }

        public sealed class Net : Module<Tensor, Tensor>
        {
            private readonly Block one = new(32);
            private readonly Block two = new(32);
            private readonly Block three = new(32);
            private readonly Block four = new(32);
            private readonly Block five = new(32);
            private readonly Linear head = Linear(32, 10);

            public Net() : base(nameof(Net)) => RegisterComponents();

            public override Tensor forward(Tensor x) => head.forward(five.forward(four.forward(three.forward(two.forward(one.forward(x))))));
        }
        """, models: Training.Models);

    [Fact]
    public Task WithoutTrainingInTheProgramNothingIsSaid() => Verify.IsSilent(
        """
        public static class Program
        {
            public static Tensor Run(Tensor x)
            {
                var model = Sequential(Linear(10, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 64), Sigmoid(), Linear(64, 1));
                return model.forward(x);
            }
        }
        """);

    [Fact]
    public Task OneSaturatingOutputLayerIsFine() => Verify.IsSilent(
        """
        public static class Program
        {
            public static Tensor Run(Tensor x)
            {
                var model = Sequential(Linear(10, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 1), Sigmoid());
                return model.forward(x);
            }
        }
        """, models: Training.Models);
}
