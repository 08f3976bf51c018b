using System.Linq;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace WholeNormCase;

public static class Measured
{
    /// <summary>How many numbers the norm of a kernel of 2 x 3 x 3 x 3 ones is, and the largest of them.</summary>
    public static double[] Run()
    {
        var layer = Conv2d(3, 2, 3);
        using (no_grad())
            layer.weight!.fill_(1);
        var norms = layer.parameters().Where(p => p.dim() == 4).Select(p => [|p.norm(2)|]).ToList();
        return [norms[0].numel(), norms[0].max().item<float>()];
    }
}
