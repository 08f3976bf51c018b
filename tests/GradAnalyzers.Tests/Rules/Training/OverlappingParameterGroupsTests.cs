using Xunit;

namespace GradAnalyzers.Tests.Rules.Training;

public sealed class OverlappingParameterGroupsTests
{
    private const string Model = """
        public sealed class Net : Module<Tensor, Tensor>
        {
            public readonly Mlp Body = new();
            public TorchSharp.Modules.Linear Head { get; } = nn.Linear(16, 4);
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => Head.forward(Body.forward(x));
        }


        """;

    private static string Loop(string optimizer, string step) => Model + Code.InMethod($$"""
        var net = new Net();
        var other = new Mlp();
        var optimizer = {{optimizer}};
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            functional.mse_loss(net.forward(other.forward(input)), target).backward();
            {{step}}
        }
        """);

    [Theory]
    [InlineData("torch.optim.Adam(net.parameters().Concat(net.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.SGD(net.parameters().Concat(other.parameters()).Concat(net.Head.parameters()), 0.1)")]
    [InlineData("torch.optim.AdamW(net.Body.parameters().Concat(net.parameters()).Concat(other.parameters()).ToList())")]
    [InlineData("new Adam(new[] { net.parameters(), other.parameters(), net.Head.parameters() }.SelectMany(p => p))")]
    [InlineData("torch.optim.Adam(new Module[] { net, net.Head, other }.SelectMany(m => m.parameters()))")]
    [InlineData("torch.optim.Adam(new List<Adam.ParamGroup> { new(net.parameters()), new(other.parameters()), new(net.Head.parameters()) })")]
    [InlineData("torch.optim.SGD(new[] { new SGD.ParamGroup(net.parameters()), new SGD.ParamGroup(net.Body.parameters()), new SGD.ParamGroup(other.parameters()) }, 0.1)")]
    [InlineData("torch.optim.Adam(other.parameters().Concat(net.parameters()).Concat(other.parameters()), 1e-3)")]
    [InlineData("torch.optim.RMSProp(System.Linq.Enumerable.Concat(net.parameters(), net.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.named_parameters().Concat(net.Head.named_parameters()).Concat(other.named_parameters()))")]
    public Task AModuleThatIsGivenTwiceIsReported(string optimizer) => TrainingRules.Report("GRAD2008", Loop(optimizer, "[|optimizer.step()|];"));

    [Fact]
    public Task ATrainerClassIsReported() => TrainingRules.Report("GRAD2008", Model + """
        public sealed class Trainer
        {
            private readonly Net _net = new();
            private readonly torch.optim.Optimizer _optimizer;
            public Trainer() => _optimizer = torch.optim.Adam(_net.parameters().Concat(_net.Head.parameters()));

            public void Step(Tensor x)
            {
                _optimizer.zero_grad();
                _net.forward(x).sum().backward();
                [|_optimizer.step()|];
            }
        }
        """);

    [Fact]
    public Task AHelperIsReportedWhereTheOptimizerIsMade() => TrainingRules.Report("GRAD2008", Model + """
        public static class Program
        {
            public static void Run(Tensor x)
            {
                var net = new Net();
                var optimizer = torch.optim.Adam(net.parameters().Concat(net.Body.parameters()));
                for (var i = 0; i < 4; i++)
                    [|Step(net, optimizer, x)|];
            }

            private static void Step(Net net, torch.optim.Optimizer optimizer, Tensor x)
            {
                optimizer.zero_grad();
                net.forward(x).sum().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public async Task TheMessageNamesOptimizerAndModule() => Assert.Equal(
        ["GRAD2008: 'optimizer' is given the parameters of 'net.Head' twice, and steps them twice"],
        await TrainingRules.Messages(Loop("torch.optim.Adam(net.parameters().Concat(net.Head.parameters()).Concat(other.parameters()))", "optimizer.step();")));

    [Theory]
    [InlineData("torch.optim.Adam(net.parameters().Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.Body.parameters().Concat(net.Head.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.parameters().Union(net.Head.parameters()).Union(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.parameters().Concat(net.Head.parameters()).Distinct().Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.parameters().Except(net.Head.parameters()).Concat(net.Head.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.parameters().Where(p => p.ndim > 1).Concat(net.parameters().Where(p => p.ndim <= 1)).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.parameters().Take(2).Concat(net.parameters().Skip(2)).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.named_parameters().Where(p => p.name.EndsWith(\"bias\")).Select(p => p.parameter).Concat(net.named_parameters().Where(p => !p.name.EndsWith(\"bias\")).Select(p => p.parameter)).Concat(other.parameters()))")]
    [InlineData("torch.optim.AdamW(new List<AdamW.ParamGroup> { new(net.Body.parameters()), new(net.Head.parameters()), new(other.parameters()) })")]
    [InlineData("torch.optim.AdamW(new List<AdamW.ParamGroup> { new(net.parameters().Where(p => p.ndim > 1)), new(net.parameters().Where(p => p.ndim < 2)), new(other.parameters()) })")]
    [InlineData("torch.optim.Adam(new Module[] { net.Body, net.Head, other }.SelectMany(m => m.parameters()))")]
    [InlineData("torch.optim.Adam(new[] { net.Head.weight!, net.Head.bias! }.Concat(net.Body.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam(net.Head.parameters().Append(new Parameter(torch.rand(1))).Concat(net.Body.parameters()).Concat(other.parameters()))")]
    [InlineData("torch.optim.Adam((batches.Length > 3 ? net.parameters() : net.Head.parameters()).Concat(batches.Length > 3 ? other.parameters() : net.Body.parameters().Concat(other.parameters())))")]
    public Task PartsThatDoNotOverlapAreFine(string optimizer) => TrainingRules.AreSilent(Loop(optimizer, "optimizer.step();"));

    [Fact]
    public Task TwoElementsOfAnArrayAreTwoModules() => TrainingRules.AreSilent("""
        public static class Program
        {
            public static void Run(Tensor x)
            {
                var critics = new[] { new Mlp(), new Mlp() };
                var optimizer = torch.optim.Adam(critics[0].parameters().Concat(critics[1].parameters()));
                optimizer.zero_grad();
                torch.min(critics[0].forward(x), critics[1].forward(x)).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task TwoModelsOfOneFactoryAreTwoModules() => TrainingRules.AreSilent("""
        public static class Program
        {
            private static Mlp Make() => new();

            public static void Run(Tensor x)
            {
                var one = Make();
                var two = Make();
                var optimizer = torch.optim.Adam(one.parameters().Concat(two.parameters()));
                optimizer.zero_grad();
                functional.mse_loss(one.forward(x), two.forward(x)).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task ListsThatAreFilledInALoopAreNotCounted() => TrainingRules.AreSilent("""
        public static class Program
        {
            public static void Run(Tensor x)
            {
                var experts = new List<Mlp>();
                var all = new List<Parameter>();
                for (var i = 0; i < 4; i++)
                {
                    var expert = new Mlp();
                    experts.Add(expert);
                    all.AddRange(expert.parameters());
                }
                var optimizer = torch.optim.Adam(all);
                var paired = torch.optim.SGD(experts[0].parameters().Concat(experts[1].parameters()), 0.1);
                foreach (var step in new[] { 1, 2 })
                {
                    optimizer.zero_grad();
                    paired.zero_grad();
                    experts[0].forward(x).sum().backward();
                    optimizer.step();
                    paired.step();
                }
            }
        }
        """);

    [Fact]
    public Task TwoOptimizersOfOneModelAreNotOneThatStepsTwice() => TrainingRules.AreSilent(Code.InMethod("""
        var model = new Mlp();
        var warmUp = torch.optim.SGD(model.parameters(), 0.1);
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 100; i++)
        {
            model.zero_grad();
            functional.mse_loss(model.forward(x), y).backward();
            if (i < 10)
                warmUp.step();
            else
                optimizer.step();
        }
        """));

    [Fact]
    public Task AnAgentsTwoNetworksAreFine() => TrainingRules.AreSilent("""
        public sealed class Agent
        {
            public Mlp Actor { get; } = new();
            public Mlp Critic { get; } = new();
        }

        public static class Program
        {
            public static void Run(Agent agent, Tensor x)
            {
                var optimizer = torch.optim.Adam(agent.Actor.parameters().Concat(agent.Critic.parameters()));
                optimizer.zero_grad();
                (agent.Actor.forward(x) * agent.Critic.forward(x)).mean().backward();
                optimizer.step();
            }
        }
        """);
}
