using GradAnalyzers.Catalogue;

namespace GradAnalyzers.Models.Evaluation;

/// <summary>What the library calls the parameters of its own layers, in its order.</summary>
internal static class ParameterNames
{
    private static readonly string[] Norm = ["weight", "bias"];

    private static readonly string[] SelfAttention = ["self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight", "self_attn.out_proj.bias"];
    private static readonly string[] CrossAttention = ["multihead_attn.in_proj_weight", "multihead_attn.in_proj_bias", "multihead_attn.out_proj.weight", "multihead_attn.out_proj.bias"];
    private static readonly string[] FeedForward = ["linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"];

    public static IEnumerable<string> Of(ModuleValue layer) => layer.Role switch
    {
        _ when layer.IsSource => [],
        Role.Linear or Role.Bilinear or Role.Conv or Role.ConvTranspose => Truth(layer, "bias") == false || layer.Constants.TryGetValue("bias_tensor", out var none) && none.Text == "null" ? ["weight"] : Norm,
        Role.BatchNorm or Role.GroupNorm => Truth(layer, "affine") == false ? [] : Norm,
        Role.InstanceNorm => Truth(layer, "affine") == true ? Norm : [],
        Role.LayerNorm => Truth(layer, "affine") == false ? [] : Truth(layer, "bias") == false ? ["weight"] : Norm,
        Role.RmsNorm or Role.Embedding or Role.Prelu => ["weight"],
        Role.Rnn or Role.Lstm or Role.Gru => Recurrent(layer),
        Role.RnnCell or Role.LstmCell or Role.GruCell => Truth(layer, "bias") == false ? ["weight_ih", "weight_hh"] : ["weight_ih", "weight_hh", "bias_ih", "bias_hh"],
        Role.Attention => Truth(layer, "bias") == false ? ["in_proj_weight", "out_proj.weight"] : ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"],
        Role.Transformer when layer.Type.Name == "TransformerEncoderLayer" => SelfAttention.Concat(FeedForward),
        Role.Transformer when layer.Type.Name == "TransformerDecoderLayer" => SelfAttention.Concat(CrossAttention).Concat(FeedForward).Concat(["norm3.weight", "norm3.bias"]),
        _ => [],
    };

    private static IEnumerable<string> Recurrent(ModuleValue layer)
    {
        var layers = layer.Constants.TryGetValue("layers", out var count) ? count.Size?.Whole ?? 1 : 1;
        string[] directions = Truth(layer, "bidirectional") == true ? ["", "_reverse"] : [""];
        string[] kinds = Truth(layer, "bias") == false ? ["weight_ih", "weight_hh"] : ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
        for (var index = 0; index < Math.Min(layers, 256); index++)
        {
            foreach (var direction in directions)
            {
                foreach (var kind in kinds)
                    yield return $"{kind}_l{index}{direction}";
            }
        }
    }

    private static bool? Truth(ModuleValue layer, string meaning) => layer.Constants.TryGetValue(meaning, out var constant) ? constant.Truth : null;
}
