using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>Self-attention with one projection for queries, keys and values, initialized as vision transformers are.</summary>
public sealed class Attention : Module<Tensor, Tensor>
{
    private readonly Linear qkv = Linear(16, 48);
    private readonly Linear head = Linear(16, 8);

    public Attention() : base(nameof(Attention))
    {
        RegisterComponents();
        init.trunc_normal_(qkv.weight, std: 0.02);
    }

    public override Tensor forward(Tensor tokens)
    {
        var parts = qkv.forward(tokens).chunk(3, -1);
        var mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        return head.forward(functional.relu(mixed.mean([1L])));
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 6 * 16, 8);
        var model = new Attention();
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 120; step++)
        {
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.forward(x.view(128, 6, 16)), y);
            loss.backward();
            optimizer.step();
            curve.Add(loss.item<float>());
        }

        return curve[^1];
    }
}
