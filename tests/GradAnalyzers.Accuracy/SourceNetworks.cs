using GradAnalyzers.GradientFlow;
namespace GradAnalyzers.Accuracy;
internal sealed class SourceNetworks
{
    public static SourceNetworks Read() => new();
    public Network? Find(Case network) => ByHand.Of(network);
}
