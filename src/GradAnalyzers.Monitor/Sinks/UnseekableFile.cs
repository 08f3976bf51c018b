using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GradAnalyzers.Monitor.Sinks;

/// <summary>Devices and named pipes: written into without waiting for a reader, since a training must not stand still until somebody looks.</summary>
internal static class UnseekableFile
{
    /// <summary>Bytes that a pipe takes as a whole or not at all (POSIX's least PIPE_BUF).</summary>
    private const int Chunk = 512;

    /// <summary>How long a reader that is there may keep a full pipe full.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(250);

    private const int WriteOnly = 1, NoSuchDeviceOrAddress = 6;

    private static int WithoutWaiting => OperatingSystem.IsLinux() ? 0x800 : 0x4;

    private static int ClosedInChildren => OperatingSystem.IsLinux() ? 0x80000 : 0x1000000;

    private static int TryAgain => OperatingSystem.IsLinux() ? 11 : 35;

    /// <summary>Writes a text into a device or a pipe; false where the path is neither.</summary>
    /// <param name="path">The path, links followed.</param>
    /// <param name="isKnown">It is a device by its name.</param>
    /// <param name="text">What to write.</param>
    /// <exception cref="IOException">It can't be written, or nobody reads the pipe.</exception>
    public static bool TryWrite(string path, bool isKnown, string text)
    {
        if (!isKnown && (OperatingSystem.IsWindows() || !File.Exists(path)))
            return false;
        var bytes = Encoding.UTF8.GetBytes(text);
        if (OperatingSystem.IsWindows())
        {
            using var device = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            device.Write(bytes);
            return true;
        }

        using var handle = new SafeFileHandle(Open(path, WriteOnly | WithoutWaiting | ClosedInChildren), ownsHandle: true);
        if (handle.IsInvalid)
        {
            var error = Marshal.GetLastPInvokeError();
            return error == NoSuchDeviceOrAddress ? throw new IOException("nobody reads this named pipe")
                : isKnown ? throw new IOException(Marshal.GetPInvokeErrorMessage(error))
                : false;
        }

        using var stream = new FileStream(handle, FileAccess.Write, bufferSize: 0);
        if (!isKnown && stream.CanSeek)
            return false;
        Write(stream, bytes);
        return true;
    }

    private static void Write(FileStream stream, byte[] bytes)
    {
        var start = Stopwatch.GetTimestamp();
        for (var at = 0; at < bytes.Length;)
        {
            var chunk = bytes.AsSpan(at, Math.Min(Chunk, bytes.Length - at));
            try
            {
                stream.Write(chunk);
                at += chunk.Length;
            }
            catch (IOException e) when (e.HResult == TryAgain)
            {
                if (Stopwatch.GetElapsedTime(start) >= LongestWait)
                    throw new IOException("its reader does not read", e);
                Thread.Sleep(1);
            }
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
