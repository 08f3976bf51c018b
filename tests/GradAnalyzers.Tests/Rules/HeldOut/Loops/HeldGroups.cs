using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>One call that adds a group makes only the optimizer that may receive it uncertain.</summary>
public sealed class HeldGroups
{
    private const string Elsewhere = """
        public static class FineTuning
        {
            public static void Unfreeze(Tensor x)
            {
                var body = new Mlp();
                var head = nn.Linear(16, 2);
                var optimizer = torch.optim.Adam(head.parameters());
                optimizer.add_param_group(new Adam.ParamGroup(body.parameters()));
                optimizer.zero_grad();
                head.call(body.call(x)).sum().backward();
                optimizer.step();
            }
        }

        """;

    [Fact]
    public Task AModuleInNoOptimizerIsStillReported() => TrainingRules.Report("GRAD2009", Elsewhere + Code.InMethod("""
        var encoder = new Mlp();
        var decoder = new Mlp();
        var optimizer = torch.optim.SGD(decoder.parameters(), 0.1);
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(decoder.call(encoder.call(input)), target).backward();
            [|optimizer.step()|];
        }
        """));

    [Fact]
    public Task ClippingOtherParametersIsStillReported() => TrainingRules.Report("GRAD2002", Elsewhere + Code.InMethod("""
        var actor = new Mlp();
        var critic = new Mlp();
        var optimizer = torch.optim.Adam(actor.parameters());
        optimizer.zero_grad();
        actor.call(x).sum().backward();
        [|torch.nn.utils.clip_grad_norm_(critic.parameters(), 1.0)|];
        optimizer.step();
        """));

    [Fact]
    public Task AFrozenEncoderIsNotTheOneThatIsStepped() => TrainingRules.AreSilent(Elsewhere + Code.InMethod("""
        var encoder = new CharRnn();
        foreach (var weight in encoder.parameters())
            weight.requires_grad = false;
        var head = nn.Linear(16, 4);
        var optimizer = torch.optim.Adam(head.parameters());
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(head.call(encoder.call(input)), target).backward();
            optimizer.step();
        }
        """));

    private static string Growing(string grow, string helpers = "") => Code.InMethod($$"""
        var encoder = new Mlp();
        var decoder = new Mlp();
        var optimizer = torch.optim.Adam(decoder.parameters());
        {{grow}}
        optimizer.zero_grad();
        functional.mse_loss(decoder.call(encoder.call(x)), y).backward();
        optimizer.step();
        """) + helpers;

    [Theory]
    [InlineData("optimizer.add_param_group(new Adam.ParamGroup(encoder.parameters()));")]
    [InlineData("Groups.Add(optimizer, encoder);")]
    [InlineData("optimizer.Also(encoder);")]
    [InlineData("Action<Mlp> add = module => optimizer.add_param_group(new Adam.ParamGroup(module.parameters())); add(encoder);")]
    [InlineData("var same = optimizer; same.add_param_group(new Adam.ParamGroup(encoder.parameters()));")]
    public Task TheOptimizerThatReceivesTheGroupIsUncertain(string grow) => TrainingRules.AreSilent(Growing(grow, """

        public static class Groups
        {
            public static void Add(Adam optimizer, Module module) => optimizer.add_param_group(new Adam.ParamGroup(module.parameters()));
            public static void Also(this Adam optimizer, Module module) => optimizer.add_param_group(new Adam.ParamGroup(module.parameters()));
        }
        """));

    [Fact]
    public Task AFieldThatGrowsInAnotherMethodIsUncertain() => TrainingRules.AreSilent("""
        public sealed class Trainer
        {
            private readonly Mlp _encoder = new();
            private readonly Mlp _decoder = new();
            private readonly Adam _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_decoder.parameters());
            public void Unfreeze() => _optimizer.add_param_group(new Adam.ParamGroup(_encoder.parameters()));
            public void Step(Tensor x, Tensor y)
            {
                _optimizer.zero_grad();
                functional.mse_loss(_decoder.call(_encoder.call(x)), y).backward();
                _optimizer.step();
            }
        }
        """);

    [Fact]
    public Task AnOptimizerHandedToCodeThatAddsIsUncertain() => TrainingRules.AreSilent("""
        public sealed class Schedule(Adam optimizer, Mlp encoder)
        {
            public void Advance(int epoch)
            {
                if (epoch == 3)
                    optimizer.add_param_group(new Adam.ParamGroup(encoder.parameters()));
            }
        }

        public static class Program
        {
            public static void Run(Tensor x, Tensor y)
            {
                var encoder = new Mlp();
                var decoder = new Mlp();
                var optimizer = torch.optim.Adam(decoder.parameters());
                var schedule = new Schedule(optimizer, encoder);
                for (var epoch = 0; epoch < 9; epoch++)
                {
                    optimizer.zero_grad();
                    functional.mse_loss(decoder.call(encoder.call(x)), y).backward();
                    optimizer.step();
                    schedule.Advance(epoch);
                }
            }
        }
        """);
}
