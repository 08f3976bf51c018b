using Xunit;
using Verify = GradAnalyzers.Tests.Verify<GradAnalyzers.Rules.Training.ModuleInNoOptimizer, GradAnalyzers.CodeFixes.ModuleInNoOptimizerFixer>;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class ModuleInNoOptimizerTests
{
    /// <summary>An encoder and a decoder, and one optimizer.</summary>
    private static string Loop(string optimizer, string loss, string step, string before = "") => Code.InMethod($$"""
        var encoder = new Mlp();
        var decoder = new Mlp();
        {{before}}
        var optimizer = {{optimizer}};
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            {{loss}}
            loss.backward();
            {{step}}
        }
        """);

    private const string Both = "var loss = functional.mse_loss(decoder.forward(encoder.forward(input)), target);";

    [Fact]
    public Task TheParametersAreAdded() => Verify.Fixes(
        Loop("torch.optim.Adam(decoder.parameters(), 1e-3)", Both, "[|optimizer.step()|];"),
        Loop("torch.optim.Adam(decoder.parameters().Concat(encoder.parameters()), 1e-3)", Both, "optimizer.step();"));

    [Fact]
    public Task TwoModulesAreBothAdded() => Verify.Fixes(
        Loop("torch.optim.Adam(decoder.parameters())", "var loss = functional.mse_loss(decoder.forward(encoder.forward(embedding.forward(input))), target);", "[|[|optimizer.step()|]|];", "var embedding = nn.Linear(16, 16);"),
        Loop("torch.optim.Adam(decoder.parameters().Concat(embedding.parameters()).Concat(encoder.parameters()))", "var loss = functional.mse_loss(decoder.forward(encoder.forward(embedding.forward(input))), target);", "optimizer.step();", "var embedding = nn.Linear(16, 16);"), iterations: 2);

    [Fact]
    public Task ATopLevelProgramIsFixed() => Verify.Fixes(
        """
        var encoder = new Mlp();
        var decoder = new Mlp();
        var optimizer = new Adam(decoder.parameters());
        var x = torch.rand(4, 16);
        decoder.forward(encoder.forward(x)).sum().backward();
        [|optimizer.step()|];
        """,
        """
        var encoder = new Mlp();
        var decoder = new Mlp();
        var optimizer = new Adam(decoder.parameters().Concat(encoder.parameters()));
        var x = torch.rand(4, 16);
        decoder.forward(encoder.forward(x)).sum().backward();
        optimizer.step();
        """, isProgram: true);

    [Fact]
    public Task FieldsOfATrainerAreFixedInItsConstructor() => Verify.Fixes(
        """
        public sealed class Trainer
        {
            private readonly Mlp _encoder = new();
            private readonly Mlp _decoder = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_decoder.parameters());

            public void Step(Tensor x)
            {
                _optimizer.zero_grad();
                _decoder.forward(_encoder.forward(x)).sum().backward();
                [|_optimizer.step()|];
            }
        }
        """,
        """
        public sealed class Trainer
        {
            private readonly Mlp _encoder = new();
            private readonly Mlp _decoder = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_decoder.parameters().Concat(_encoder.parameters()));

            public void Step(Tensor x)
            {
                _optimizer.zero_grad();
                _decoder.forward(_encoder.forward(x)).sum().backward();
                _optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AListOfParametersHasNoFix() => Verify.OffersNoFix(
        Loop("torch.optim.Adam(held)", Both, "[|optimizer.step()|];", "var held = decoder.parameters().ToList();"));

    [Theory]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both)]
    [InlineData("torch.optim.Adam(encoder.parameters())", Both)]
    [InlineData("torch.optim.SGD(decoder.parameters(), 0.1)", "var hidden = encoder.forward(input); hidden = functional.relu(hidden); var loss = functional.mse_loss(decoder.forward(hidden), target);")]
    [InlineData("torch.optim.Adam(new List<Adam.ParamGroup> { new(decoder.parameters()) })", Both)]
    [InlineData("torch.optim.AdamW(decoder.named_parameters())", "using var hidden = encoder.call(input); using var output = decoder.call(hidden); using var loss = functional.mse_loss(output, target);")]
    [InlineData("torch.optim.Adam(decoder.parameters())", "var loss = functional.mse_loss(decoder.forward(input), target) + 0.1 * functional.mse_loss(encoder.forward(input), target);")]
    public Task AModuleThatIsForgottenIsReported(string optimizer, string loss) => TrainingRules.Report("GRAD2009", Loop(optimizer, loss, "[|optimizer.step()|];"));

    [Fact]
    public Task AHelperIsReportedWhereTheModulesAreMade() => TrainingRules.Report("GRAD2009", """
        public static class Program
        {
            public static void Run(Tensor x)
            {
                var encoder = new Mlp();
                var decoder = new Mlp();
                [|Train(encoder, decoder, torch.optim.Adam(decoder.parameters()), x)|];
            }

            private static void Train(Module<Tensor, Tensor> encoder, Module<Tensor, Tensor> decoder, torch.optim.Optimizer optimizer, Tensor x)
            {
                optimizer.zero_grad();
                decoder.forward(encoder.forward(x)).sum().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public async Task TheMessageNamesTheModule() => Assert.Equal(
        ["GRAD2009: 'Mlp' takes part in the loss, but no optimizer holds the parameters of 'encoder'; it never learns"],
        await TrainingRules.Messages(Loop("torch.optim.Adam(decoder.parameters())", Both, "optimizer.step();")));

    [Theory]
    [InlineData("torch.optim.Adam(decoder.parameters().Concat(encoder.parameters()))", Both, "")]
    [InlineData("torch.optim.Adam(decoder.parameters())", "var loss = functional.mse_loss(decoder.forward(encoder.forward(input).detach()), target);", "")]
    [InlineData("torch.optim.Adam(decoder.parameters())", "Tensor hidden; using (torch.no_grad()) { hidden = encoder.forward(input); } var loss = functional.mse_loss(decoder.forward(hidden), target);", "")]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both, "encoder.load(\"encoder.dat\");")]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both, "encoder.load_state_dict(decoder.state_dict());")]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both, "encoder.eval();")]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both, "foreach (var p in encoder.parameters()) p.requires_grad = false;")]
    [InlineData("torch.optim.Adam(decoder.parameters())", Both, "foreach (var p in encoder.parameters()) p.requires_grad_(false);")]
    [InlineData("torch.optim.Adam(whole.parameters())", Both, "var whole = nn.Sequential(encoder, decoder);")]
    [InlineData("torch.optim.Adam(whole.parameters())", Both, "var whole = new ModuleList<Module<Tensor, Tensor>>(encoder, decoder);")]
    [InlineData("torch.optim.Adam(all)", Both, "var all = new List<Parameter>(); all.AddRange(encoder.parameters()); all.AddRange(decoder.parameters());")]
    [InlineData("torch.optim.Adam(decoder.parameters().Where(p => p.ndim > 1))", Both, "")]
    [InlineData("torch.optim.Adam(decoder.parameters())", "var loss = functional.mse_loss(decoder.forward(encoder.forward(input)), target);", "var pretraining = torch.optim.SGD(encoder.parameters(), 0.1);")]
    public Task AModuleThatIsHeldOrMeantToStayIsFine(string optimizer, string loss, string before) => TrainingRules.AreSilent(Loop(optimizer, loss, "optimizer.step();", before));

    /// <summary>A validation between the epochs: what is put in training mode as well is not meant to stay.</summary>
    [Theory]
    [InlineData("encoder.train(); encoder.eval();", "")]
    [InlineData("encoder.train(true);", "encoder.eval();")]
    [InlineData("encoder.eval(); Console.WriteLine(encoder.forward(x)); encoder.train();", "")]
    [InlineData("Modes.Set(encoder, true);", "Modes.Set(encoder, false);")]
    [InlineData("encoder.train(x.requires_grad);", "Modes.Test(encoder, x);")]
    public Task OneThatIsEvaluatedBetweenEpochsIsToLearn(string before, string after) => TrainingRules.Report("GRAD2009",
        Loop("torch.optim.Adam(decoder.parameters())", Both, "[|optimizer.step()|]; " + after, before) + Modes);

    [Theory]
    [InlineData("encoder.eval();", "decoder.train();")]
    [InlineData("encoder.train(false); encoder.eval();", "")]
    [InlineData("Modes.Test(encoder, x);", "")]
    public Task OneThatIsOnlyEvaluatedMayBeMeantToStay(string before, string after) => TrainingRules.AreSilent(
        Loop("torch.optim.Adam(decoder.parameters())", Both, "optimizer.step(); " + after, before) + Modes);

    private const string Modes = """

        public static class Modes
        {
            public static void Set(Mlp model, bool isTraining)
            {
                if (isTraining)
                    model.train();
                else
                    model.eval();
            }

            public static void Test(Mlp model, Tensor x)
            {
                model.eval();
                Console.WriteLine(model.forward(x));
            }
        }
        """;

    [Fact]
    public Task GroupsThatAreAddedLaterCount() => TrainingRules.AreSilent(
        Loop("torch.optim.Adam(decoder.parameters())", Both, "if (batches.Length > 3) optimizer.add_param_group(new Adam.ParamGroup(encoder.parameters())); optimizer.step();"));

    [Fact]
    public Task ALossHasNothingToLearn() => TrainingRules.AreSilent(Code.InMethod("""
        var model = new Mlp();
        var loss = nn.CrossEntropyLoss(weight: torch.ones(16));
        var dropout = nn.Dropout(0.5);
        var activation = nn.ReLU();
        var optimizer = torch.optim.Adam(model.parameters());
        optimizer.zero_grad();
        loss.forward(activation.forward(dropout.forward(model.forward(x))), y).backward();
        optimizer.step();
        """));

    [Fact]
    public Task TheDiscriminatorIsHeldByItsOwnOptimizer() => TrainingRules.AreSilent("""
        public sealed class Gan
        {
            private readonly Mlp _generator = new();
            private readonly Mlp _discriminator = new();
            private readonly torch.optim.Optimizer _generatorOptimizer;
            private readonly torch.optim.Optimizer _discriminatorOptimizer;

            public Gan()
            {
                _generatorOptimizer = torch.optim.Adam(_generator.parameters());
                _discriminatorOptimizer = torch.optim.Adam(_discriminator.parameters());
            }

            public void TrainGenerator(Tensor noise)
            {
                _generatorOptimizer.zero_grad();
                _discriminator.forward(_generator.forward(noise)).mean().neg().backward();
                _generatorOptimizer.step();
            }

            public void TrainDiscriminator(Tensor real, Tensor noise)
            {
                _discriminatorOptimizer.zero_grad();
                (_discriminator.forward(_generator.forward(noise).detach()).mean() - _discriminator.forward(real).mean()).backward();
                _discriminatorOptimizer.step();
            }
        }
        """);

    [Fact]
    public Task ATargetNetworkIsUpdatedByHand() => TrainingRules.AreSilent("""
        public sealed class Agent
        {
            private readonly Mlp _online = new();
            private readonly Mlp _target = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Agent() => _optimizer = torch.optim.Adam(_online.parameters());

            public void Step(Tensor states, Tensor next)
            {
                var loss = functional.mse_loss(_online.forward(states), _target.forward(next) * 0.99);
                _optimizer.zero_grad();
                loss.backward();
                _optimizer.step();
                Soften();
            }

            private void Soften()
            {
                using var _ = torch.no_grad();
                foreach (var (target, online) in _target.parameters().Zip(_online.parameters()))
                    target.mul_(0.99).add_(online * 0.01);
            }
        }
        """);

    [Fact]
    public Task ATeacherThatIsFrozenInAHelperIsFine() => TrainingRules.AreSilent("""
        public static class Program
        {
            private static void Freeze(Module module)
            {
                foreach (var p in module.parameters())
                    p.requires_grad = false;
            }

            private static Tensor Features(Mlp module, Tensor x) => module.forward(x);

            public static void Run(Tensor x)
            {
                var teacher = new Mlp();
                var student = new Mlp();
                Freeze(teacher);
                var optimizer = torch.optim.Adam(student.parameters());
                optimizer.zero_grad();
                functional.mse_loss(student.forward(x), Features(teacher, x)).backward();
                optimizer.step();
            }

            public static void Distill(Tensor x)
            {
                var teacher = new Mlp();
                var student = new Mlp();
                var optimizer = torch.optim.Adam(student.parameters());
                Tensor wanted;
                using (torch.no_grad())
                    wanted = Features(teacher, x);
                optimizer.zero_grad();
                functional.mse_loss(student.forward(x), wanted).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AModelThatHoldsItThroughItsConstructorIsFine() => TrainingRules.AreSilent("""
        public sealed class Wrapper : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> _inner;
            public Wrapper(Module<Tensor, Tensor> inner) : base("Wrapper")
            {
                _inner = inner;
                RegisterComponents();
            }
            public override Tensor forward(Tensor x) => _inner.forward(x);
        }

        public static class Program
        {
            public static void Run(Tensor x)
            {
                var inner = new Mlp();
                var model = new Wrapper(inner);
                var optimizer = torch.optim.Adam(model.parameters());
                optimizer.zero_grad();
                (model.forward(x) + inner.forward(x)).sum().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ModulesFromElsewhereAreNotJudged() => TrainingRules.AreSilent("""
        public sealed class Trainer(Mlp encoder, Mlp decoder)
        {
            private readonly torch.optim.Optimizer _optimizer = torch.optim.Adam(decoder.parameters());

            public void Step(Tensor x)
            {
                _optimizer.zero_grad();
                decoder.forward(encoder.forward(x)).sum().backward();
                _optimizer.step();
            }
        }
        """);
}
