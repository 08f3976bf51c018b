namespace GradAnalyzers.GradientFlow.Layers;

/// <summary>Which flow belongs to which layer. A layer that is missing here is opaque.</summary>
internal static class LayerFlows
{
    public static LayerFlow Of(Flow flow, int index)
    {
        var node = flow.Network.Nodes[index];
        var input = node.Inputs.IsDefaultOrEmpty ? Shape.Vector(1) : flow.Shapes[node.Inputs[0]];
        if (node.Inputs.IsDefaultOrEmpty && node.Layer is not (Input or Source or Embedding or OwnParameter))
            return new OpaqueFlow(flow, index);
        return node.Layer switch
        {
            Input => new InputFlow(flow, index),
            Source source => new SourceFlow(flow, index, source),
            Linear or Convolution => new LinearFlow(flow, index),
            Embedding embedding => new EmbeddingFlow(flow, index, embedding),
            Activation => new ActivationFlow(flow, index),
            Softmax softmax => new SoftmaxFlow(flow, index, softmax.Logarithm),
            BatchNorm norm => new BatchNormFlow(flow, index, norm),
            LayerNorm { OverPositions: true } norm => new GroupNormFlow(flow, index, input.Features, norm.Gain),
            LayerNorm norm => new LayerNormFlow(flow, index, takesMean: true, norm.Gain),
            RootMeanSquareNorm norm => new LayerNormFlow(flow, index, takesMean: false, norm.Gain),
            GroupNorm norm => new GroupNormFlow(flow, index, Math.Max(1.0, (double)norm.Features / Math.Max(norm.Groups, 1)), norm.Gain),
            InstanceNorm norm => new GroupNormFlow(flow, index, 1, norm.Gain),
            Add => new AddFlow(flow, index),
            Concat => new ConcatFlow(flow, index),
            Scale scale => new ScaleFlow(flow, index, scale.Factor, scale.Shift),
            MaxPooling pooling => MaxPoolingFlow.Of(flow, index, pooling.Window),
            AveragePooling pooling => new AveragePoolingFlow(flow, index, pooling.Window.Area),
            AdaptivePooling { Maximum: true } => new MaxPoolingFlow(flow, index, Math.Max(1.0, (double)input.Positions / flow.Shapes[index].Positions)),
            AdaptivePooling pooling => new AveragePoolingFlow(flow, index, Math.Max(1.0, (double)input.Positions / flow.Shapes[index].Positions), pooling.Sum),
            Flatten or SelectPosition => new FlattenFlow(flow, index),
            Unflatten => new UnflattenFlow(flow, index),
            Upsample => new UpsampleFlow(flow, index),
            Rearrange rearrange => new RearrangeFlow(flow, index, rearrange),
            Regroup => new RegroupFlow(flow, index),
            Multiply => new MultiplyFlow(flow, index),
            OwnParameter parameter => new OwnParameterFlow(flow, index, parameter),
            Attention attention when node.Inputs.Length >= 3 => new AttentionFlow(flow, index, attention),
            PositionSoftmax => new PositionSoftmaxFlow(flow, index),
            Append => new AppendFlow(flow, index),
            FeatureMean mean => new FeatureMeanFlow(flow, index, mean.Sum),
            FeatureMaximum => new FeatureMaximumFlow(flow, index),
            SliceFeatures => new SliceFeaturesFlow(flow, index),
            SlicePositions => new SlicePositionsFlow(flow, index),
            Recurrent recurrent => new RecurrentFlow(flow, index, recurrent),
            Dropout dropout => new DropoutFlow(flow, index, dropout.Probability),
            Identity => new IdentityFlow(flow, index),
            Cut => new CutFlow(flow, index),
            _ => new OpaqueFlow(flow, index),
        };
    }
}
