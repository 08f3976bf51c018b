using Xunit;

namespace GradAnalyzers.Tests.Rules.HeldOut.Loops;

/// <summary>GRAD2009: an optimizer that was made for another object.</summary>
public sealed class OtherObjects
{
    private const string Round = "foreach (var (input, target) in batches) { optimizer.zero_grad(); functional.mse_loss(model.call(input), target).backward(); [|optimizer.step()|]; }";

    [Theory]
    [InlineData("var model = new Mlp(); var optimizer = torch.optim.Adam(model.parameters()); model = new Mlp();")]
    [InlineData("Module<Tensor, Tensor> model = nn.Linear(16, 16); var optimizer = torch.optim.SGD(model.parameters(), 0.1); model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16));")]
    [InlineData("Mlp model = new(); torch.optim.Optimizer optimizer = new Adam(model.parameters()); var replaced = new Mlp(); model = replaced;")]
    public Task AModelMadeAgainIsReported(string start) => TrainingRules.Report("GRAD2009", Code.InMethod(start + "\n" + Round));

    [Theory]
    [InlineData("public void Reset() => _model = new Mlp();")]
    [InlineData("public void Reset() { _model.Dispose(); _model = new Mlp(); }")]
    [InlineData("private Mlp Make() => new(); public void Reset() { var fresh = Make(); _model = fresh; }")]
    public Task AFieldThatIsReplacedIsReported(string reset) => TrainingRules.Report("GRAD2009", $$"""
        public sealed class Agent
        {
            private Mlp _model = new();
            private readonly Adam _optimizer;
            public Agent() => _optimizer = torch.optim.Adam(_model.parameters());
            {{reset}}
            public void Learn(Tensor x, Tensor y)
            {
                _optimizer.zero_grad();
                functional.mse_loss(_model.call(x), y).backward();
                [|_optimizer.step()|];
            }
        }
        """);

    private const string Net = """
        public sealed class Net : Module<Tensor, Tensor>
        {
            public Linear Body = Linear(16, 16);
            public Linear Head { get; set; } = Linear(16, 10);
            public Net() : base("Net") => RegisterComponents();
            public override Tensor forward(Tensor x) => Head.call(Body.call(x).relu());
        }

        """;

    [Theory]
    [InlineData("var model = new Net(); var optimizer = torch.optim.Adam(model.parameters()); [|model.Head = nn.Linear(16, 2)|];")]
    [InlineData("var model = new Net(); var optimizer = torch.optim.Adam(model.parameters()); [|model.Body = nn.Linear(16, 16)|];")]
    [InlineData("var model = new Net(); [|model.Head = nn.Linear(16, 2)|]; var optimizer = torch.optim.Adam(model.parameters());")]
    public Task ALayerReplacedUnderItsNameIsReportedOnceAsWhatItIs(string start) => TrainingRules.Report("GRAD4001", Net + Code.InMethod(start + "\n" + Round.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal)));

    /// <summary>Two layers, two faults: the body is replaced where it stands, the head by way of a variable.</summary>
    [Fact]
    public Task WhereOnlyTheLoopShowsItTheStepIsReported() => TrainingRules.Report("GRAD2009", Net + Code.InMethod("var model = new Net(); model.Body = nn.Linear(16, 16); var optimizer = torch.optim.SGD(model.parameters(), 0.1); var head = nn.Linear(16, 2); model.Head = head;\n" + Round), besides: "GRAD4001");

    [Theory]
    [InlineData("outputs[i] += left.call(input)[0, 0] + right.call(input)[0, 0];")]
    [InlineData("outputs[i] = left.call(input)[0, 0] * right.call(input)[0, 0];")]
    [InlineData("outputs[i].add_(left.call(input)[0, 0] + right.call(input)[0, 0]);")]
    [InlineData("outputs[i, TensorIndex.Colon] = left.call(input)[0] + right.call(input)[0];")]
    public Task AModuleThatWritesIntoASliceIsReported(string write) => TrainingRules.Report("GRAD2009", Code.InMethod($$"""
        var left = new Mlp();
        var right = new Mlp();
        var optimizer = torch.optim.Adam(left.parameters());
        foreach (var (input, target) in batches)
        {
            optimizer.zero_grad();
            var outputs = zeros(8, 16);
            for (var i = 0; i < 8; i++)
            {
                {{write}}
            }
            functional.mse_loss(outputs, target).backward();
            [|optimizer.step()|];
        }
        """));

    [Theory]
    [InlineData("var model = new Mlp(); model = new Mlp(); var optimizer = torch.optim.Adam(model.parameters());")]
    [InlineData("var model = new Mlp(); var optimizer = torch.optim.Adam(model.parameters()); model = new Mlp(); optimizer = torch.optim.Adam(model.parameters());")]
    public Task TheOptimizerOfThisObjectIsFine(string start) => TrainingRules.AreSilent(Net + Code.InMethod(start + "\n" + Round.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal)));

    [Theory]
    [InlineData("public void Reset() { _model = new Mlp(); _optimizer = torch.optim.Adam(_model.parameters()); }")]
    [InlineData("public void Reset() { _model = new Mlp(); Prepare(); } private void Prepare() => _optimizer = torch.optim.Adam(_model.parameters());")]
    [InlineData("public void Reset(string path) => _model.load(path);")]
    public Task AResetThatMakesBothIsFine(string reset) => TrainingRules.AreSilent($$"""
        public sealed class Agent
        {
            private Mlp _model = new();
            private torch.optim.Optimizer _optimizer;
            public Agent() => _optimizer = torch.optim.Adam(_model.parameters());
            {{reset}}
            public void Learn(Tensor x, Tensor y)
            {
                _optimizer.zero_grad();
                functional.mse_loss(_model.call(x), y).backward();
                _optimizer.step();
            }
        }
        """);
}
