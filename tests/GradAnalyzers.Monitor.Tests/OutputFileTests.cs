using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Tests;

/// <summary>Files in places that are full, missing, linked or no files.</summary>
public class OutputFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("gradients").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private GradientMonitor Train(string path, Action? between = null)
    {
        var model = Training.Mlp();
        var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(path, TimeSpan.Zero));
        Training.Steps(model, 1, loss => monitor.Observe(loss));
        between?.Invoke();
        Training.Steps(model, 1, loss => monitor.Observe(loss));
        monitor.Dispose();
        return monitor;
    }

    [Fact]
    public void AFileThatCanNotBeWrittenForAWhileIsWrittenLaterAndSaidOnce()
    {
        var path = Path.Combine(folder, "evidence.csv");
        Directory.CreateDirectory(path);

        var monitor = Train(path, () => Directory.Delete(path));

        var alert = Assert.Single(monitor.Alerts);
        Assert.Equal(AlertKind.Monitor, alert.Kind);
        Assert.Contains($"EvidenceFile failed: the evidence file '{path}' can't be written: it is a folder. Give a path", alert.Message);
        Assert.Contains("It is tried again", alert.Message);
        Assert.StartsWith("# GradAnalyzers gradient evidence", File.ReadAllText(path));
        Assert.Empty(Directory.GetFiles(folder, "*.tmp"));
    }

    [Fact]
    public void WhatIsLostAtTheEndIsSaidAndNothingHalfIsLeft()
    {
        var path = Path.Combine(folder, "evidence.csv");
        Directory.CreateDirectory(path);

        var monitor = Train(path);

        Assert.Equal(2, monitor.Alerts.Count);
        Assert.Contains("failed at the end of the run, and what it held is lost", monitor.Alerts[1].Message);
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void ALinkStaysALinkAndItsTargetIsWritten()
    {
        var (link, target) = (Path.Combine(folder, "latest.csv"), Path.Combine(folder, "run7.csv"));
        File.WriteAllText(target, "old");
        File.CreateSymbolicLink(link, target);

        Train(link);

        Assert.Equal(target, new FileInfo(link).LinkTarget);
        Assert.StartsWith("# GradAnalyzers gradient evidence", File.ReadAllText(target));
    }

    [Fact]
    public void ADeviceStaysADevice()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no /dev");
        var link = Path.Combine(folder, "nowhere.csv");
        File.CreateSymbolicLink(link, "/dev/null");

        Assert.Empty(Train("/dev/null").Alerts);
        Assert.Empty(Train(link).Alerts);

        Assert.Equal("/dev/null", new FileInfo(link).LinkTarget);
        Assert.Equal("", File.ReadAllText("/dev/null"));
    }

    [Fact]
    public void ANamedPipeThatNobodyReadsHoldsNoTrainingUp()
    {
        var (pipe, link) = (Pipe(), Path.Combine(folder, "latest.csv"));
        File.CreateSymbolicLink(link, pipe);

        foreach (var path in new[] { pipe, link })
        {
            var monitor = Train(path);

            Assert.Equal(2, monitor.Alerts.Count);
            Assert.All(monitor.Alerts, alert => Assert.Contains("nobody reads this named pipe", alert.Message));
        }
        Assert.Equal([link, pipe], Directory.GetFiles(folder).Order());
        Assert.Equal(pipe, new FileInfo(link).LinkTarget);
    }

    [Fact]
    public void WhoReadsANamedPipeGetsEachTextAsAWhole()
    {
        var path = Pipe();
        // Open for both, a pipe waits for nobody.
        using var reader = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);

        Assert.Empty(Train(path).Alerts);

        var read = new byte[1 << 16];
        var text = System.Text.Encoding.UTF8.GetString(read, 0, reader.Read(read));
        string[] texts = text.Split("# GradAnalyzers gradient evidence", StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("steps 1,", texts[0]);
        Assert.Contains("steps 2,", texts[^1]);
        Assert.All(texts, one => Assert.Equal(texts[0].Count(c => c == '\n'), one.Count(c => c == '\n')));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void AReaderThatStopsReadingHoldsNoTrainingUp()
    {
        var path = Pipe();
        using var reader = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var model = nn.Sequential(Enumerable.Range(0, 1000).Select(i => ($"layer{i}", (nn.Module<Tensor, Tensor>)nn.Linear(1, 1))));
        using var monitor = new GradientMonitor(model, Training.Closely).AddSink(new EvidenceFile(path, TimeSpan.Zero));
        model.call(ones(1, 1)).sum().backward();

        monitor.Observe();

        Assert.Contains(monitor.Alerts, alert => alert.Message.Contains("its reader does not read"));
    }

    private string Pipe()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "no named pipes in folders");
        var path = Path.Combine(folder, "pipe");
        Assert.Equal(0, MakePipe(path, 0x180));
        return path;
    }

    [DllImport("libc", EntryPoint = "mkfifo", SetLastError = true)]
    private static extern int MakePipe([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint mode);

    [Fact]
    public void WhatAKilledProcessLeftHalfWrittenIsRemoved()
    {
        var path = Path.Combine(folder, "evidence.csv");
        var (left, young, other) = ($"{path}.12345.tmp", $"{path}.12346.tmp", Path.Combine(folder, "mine.tmp"));
        foreach (var file in new[] { left, young, other })
            File.WriteAllText(file, "");
        File.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-1));
        File.SetLastWriteTimeUtc(other, DateTime.UtcNow.AddHours(-1));

        Train(path);

        Assert.False(File.Exists(left));
        Assert.True(File.Exists(young));
        Assert.True(File.Exists(other));
    }
}
