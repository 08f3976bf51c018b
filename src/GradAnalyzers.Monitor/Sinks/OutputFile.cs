namespace GradAnalyzers.Monitor.Sinks;

/// <summary>
/// A file that is written as a whole and moved into place, so that neither a reader nor a process that is killed ever has half of one. A link stays, and what it points to is replaced;
/// a device or a named pipe is written into, and nobody waits for who reads there.
/// </summary>
/// <param name="path">Where to write. Its folder is made where it is missing.</param>
/// <param name="what">What is written, for messages.</param>
internal sealed class OutputFile(string path, string what)
{
    /// <summary>A half-written file that is older was left by a process that was killed.</summary>
    private static readonly TimeSpan Abandoned = TimeSpan.FromMinutes(1);

    private const int MostLinks = 40;

    private readonly string path = System.IO.Path.GetFullPath(path);
    private bool isTidied;

    public string Path => path;

    /// <exception cref="IOException">It can't be written.</exception>
    public void Write(string text)
    {
        try
        {
            var folder = System.IO.Path.GetDirectoryName(path)!;
            if (!IsDevice(path))
                Directory.CreateDirectory(folder);
            var target = Target();
            if (!UnseekableFile.TryWrite(target, isKnown: IsDevice(target), text))
                Replace(target, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new IOException($"the {what} '{path}' can't be written: {e.Message.TrimEnd('.')}. Give a path in a folder that this process may write to", e);
        }
    }

    /// <summary>Where the links end, or at a device: what lies behind <c>/dev/stdout</c> has no name that can be opened.</summary>
    private string Target()
    {
        var target = path;
        for (var links = 0; links < MostLinks && !IsDevice(target) && new FileInfo(target) is { LinkTarget: not null } link; links++)
            target = link.ResolveLinkTarget(returnFinalTarget: false)!.FullName;
        return target;
    }

    private static bool IsDevice(string path) => OperatingSystem.IsWindows()
        ? path.StartsWith(@"\\.\", StringComparison.Ordinal)
        : path.StartsWith("/dev/", StringComparison.Ordinal) && !path.StartsWith("/dev/shm/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal);

    private void Replace(string target, string text)
    {
        if (Directory.Exists(target))
            throw new IOException("it is a folder");
        Tidy(target);
        var temporary = $"{target}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllText(temporary, text);
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    private void Tidy(string target)
    {
        if (isTidied)
            return;
        isTidied = true;
        var name = System.IO.Path.GetFileName(target);
        foreach (var left in Directory.EnumerateFiles(System.IO.Path.GetDirectoryName(target)!, "*.tmp"))
            if (System.IO.Path.GetFileName(left) is var file && file.StartsWith(name + ".", StringComparison.Ordinal) && int.TryParse(file[(name.Length + 1)..^4], out _)
                && DateTime.UtcNow - File.GetLastWriteTimeUtc(left) > Abandoned)
                TryDelete(left);
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It was never there, or this process may not.
        }
    }
}
