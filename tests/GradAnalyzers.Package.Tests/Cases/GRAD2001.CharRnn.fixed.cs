using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace CharRnnCase;

public sealed class CharRnn : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Embedding embedding = Embedding(64, 16);
    private readonly TorchSharp.Modules.GRU gru = GRU(16, 32, batchFirst: true);
    private readonly TorchSharp.Modules.Linear output = Linear(32, 64);

    public CharRnn() : base(nameof(CharRnn)) => RegisterComponents();

    public override Tensor forward(Tensor input) => output.call(gru.call(embedding.call(input)).Item1);
}

public static class SeveralLoops
{
    public static void Epochs(Tensor input, Tensor target)
    {
        var model = new CharRnn();
        var optimizer = optim.Adam(model.parameters(), lr: 1e-3);
        for (var epoch = 0; epoch < 10; epoch++)
        {
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.call(input), target);
            loss.backward();
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
            // the step
            optimizer.step(); // of this epoch
        }
    }

    public static void Batches((Tensor Input, Tensor Target)[] batches)
    {
        using var model = new CharRnn();
        using var optimizer = optim.SGD(model.parameters(), 0.1);
        foreach (var (input, target) in batches)
        {
            using var scope = NewDisposeScope();
            functional.cross_entropy(model.call(input), target).backward();
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm: 1.0);
            optimizer.step();
            optimizer.zero_grad();
        }
    }

    public static void Clipped(Tensor input, Tensor target)
    {
        var model = new CharRnn();
        var optimizer = optim.Adam(model.parameters());
        optimizer.zero_grad();
        functional.cross_entropy(model.call(input), target).backward();
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
        optimizer.step();
    }
}
