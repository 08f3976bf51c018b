using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

/// <summary>A block of a vision transformer, initialized as the original is.</summary>
public sealed class Transformer : Module<Tensor, Tensor>
{
    private readonly LayerNorm before = LayerNorm(16);
    private readonly Linear qkv = Linear(16, 48);
    private readonly Linear projection = Linear(16, 16);
    private readonly Linear head = Linear(16, 8);

    public Transformer() : base(nameof(Transformer))
    {
        RegisterComponents();
        foreach (var linear in new[] { qkv, projection, head })
        {
            init.trunc_normal_(linear.weight, std: 0.02);
            init.zeros_(linear.bias);
        }
    }

    public override Tensor forward(Tensor tokens)
    {
        var parts = qkv.forward(before.forward(tokens)).chunk(3, -1);
        var mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]);
        return head.forward(functional.gelu(projection.forward(mixed)).mean([1L]));
    }
}

public static class Training
{
    public static double Run(int seed, List<double> curve)
    {
        random.manual_seed(seed);
        var (x, y) = Data.Blobs(128, 6 * 16, 8);
        var model = new Transformer();
        var optimizer = optim.Adam(model.parameters(), 0.01);
        for (var step = 0; step < 150; step++)
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
