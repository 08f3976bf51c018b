using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A distributional agent: for each action it predicts how likely each of 11 returns is, and learns from the distribution that the Bellman equation gives.</summary>
public sealed class Agent : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(Linear(4, 32), ReLU(), Linear(32, 2 * 11));

    public Agent() : base(nameof(Agent)) => RegisterComponents();

    /// <summary>Logarithms of probabilities: state, action, return.</summary>
    public override Tensor forward(Tensor states) => functional.log_softmax(layers.forward(states).view(-1, 2, 11), 2);
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (policy, target) = (new Agent(), new Agent());
        target.load_state_dict(policy.state_dict());
        var optimizer = optim.Adam(policy.parameters(), 0.01);
        for (var step = 0; step < 100; step++)
            curve.Add(Learn(policy, target, optimizer, randn(64, 4)));
        return curve.Count;
    }

    private static double Learn(Agent policy, Agent target, optim.Optimizer optimizer, Tensor states)
    {
        // The right action is told by the state's first number; the return is 1 for it and 0 otherwise.
        var actions = randint(0, 2, states.shape[0], dtype: int64);
        var rewards = actions.eq(states.select(1, 0).gt(0).to_type(int64)).to_type(float32);
        var returns = linspace(0, 2, 11);

        using var _ = torch.no_grad();
        var chances = target.forward(states).exp();
        var best = (chances * returns).sum(2).argmax(1);
        var next = Of(chances, best);
        var place = (rewards.unsqueeze(1) + (0.5 * returns)).clamp(0, 2) / 0.2;
        var (low, share) = (place.floor().clamp(0, 9), place - place.floor().clamp(0, 9));
        var wanted = zeros_like(next).scatter_add(1, low.to_type(int64), next * (1 - share)).scatter_add(1, low.to_type(int64) + 1, next * share);

        var predicted = Of(policy.forward(states), actions);
        var loss = -(wanted * predicted).sum(1).mean();
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        return loss.item<float>();
    }

    private static Tensor Of(Tensor values, Tensor actions) => values.gather(1, actions.view(-1, 1, 1).expand(-1, 1, 11)).squeeze(1);
}
