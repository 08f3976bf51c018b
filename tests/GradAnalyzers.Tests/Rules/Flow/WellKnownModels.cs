namespace GradAnalyzers.Tests.Rules.Flow;

/// <summary>Models that flow rules must judge right, as their authors write them.</summary>
internal static class WellKnownModels
{
    /// <summary>VGG-16 (Simonyan and Zisserman 2015) without normalization, at the library's default initialization; measured first/last ratio about 1e-4.</summary>
    public const string Vgg16 = """
        public sealed class Vgg16 : Module<Tensor, Tensor>
        {
            private static readonly long[] Configuration = { 64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0 };
            private readonly Module<Tensor, Tensor> features;
            private readonly Module<Tensor, Tensor> avgpool;
            private readonly Module<Tensor, Tensor> classifier;

            public Vgg16(int classes = 10) : base(nameof(Vgg16))
            {
                var layers = new List<Module<Tensor, Tensor>>();
                long channels = 3;
                foreach (var width in Configuration)
                {
                    if (width == 0)
                    {
                        layers.Add(MaxPool2d(kernel_size: 2, stride: 2));
                    }
                    else
                    {
                        layers.Add([|Conv2d(channels, width, kernel_size: 3, padding: 1)|]);
                        layers.Add(ReLU(inplace: true));
                        channels = width;
                    }
                }

                features = Sequential(layers);
                avgpool = AdaptiveAvgPool2d(new long[] { 7, 7 });
                classifier = Sequential(
                    Linear(512 * 7 * 7, 4096), ReLU(), Dropout(),
                    Linear(4096, 4096), ReLU(), Dropout(),
                    Linear(4096, classes));
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                x = features.call(x);
                x = avgpool.call(x).flatten(1);
                return classifier.call(x);
            }
        }
        """;
}
