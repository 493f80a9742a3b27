@echo off
rem The command line of MiniGPT on Windows, from the jars in lib beside this folder, or in a clone from the classes that
rem mvnw.cmd -q compile left; without the archive of classes that bin/minigpt keeps on other systems.
rem MINIGPT_OPTS: more options for the JVM, such as -Xmx8g. JAVA_HOME: the Java to run on, else the one on the PATH.
setlocal
for %%d in ("%~dp0..") do set "home=%%~fd"
for %%d in ("%home%\..") do set "root=%%~fd"

rem An image brings its own Java.
set "java="
if exist "%home%\jre\bin\java.exe" (
    set "java=%home%\jre\bin\java.exe"
) else if defined JAVA_HOME (
    set "java=%JAVA_HOME%\bin\java.exe"
) else (
    for %%j in (java.exe) do set "java=%%~$PATH:j"
)
if not defined java (
    echo minigpt: there is no Java; install Java 17 or newer and set JAVA_HOME to it. 1>&2
    exit /b 1
)
if not exist "%java%" (
    echo minigpt: JAVA_HOME is "%JAVA_HOME%", where there is no bin\java.exe; set it to Java 17 or newer. 1>&2
    exit /b 1
)
set "version=17"
for %%d in ("%java%\..\..") do set "release=%%~fd\release"
if exist "%release%" (
    for /f "usebackq tokens=1,2 delims==" %%a in ("%release%") do if "%%a"=="JAVA_VERSION" set "version=%%~b"
)
for /f "delims=.-+_" %%m in ("%version%") do set "major=%%m"
if %major% lss 17 (
    echo minigpt: "%java%" is Java %version%; install Java 17 or newer and set JAVA_HOME to it. 1>&2
    exit /b 1
)

rem The class path is in the environment, since a command of cmd must not be longer than 8191 characters.
if exist "%home%\lib" (
    set "CLASSPATH=%home%\lib\*"
    goto run
)
if not exist "%home%\target\classpath" (
    echo minigpt: it is not built yet; run mvnw.cmd -q compile in "%root%" first. 1>&2
    exit /b 1
)
set "classes=%home%\target\classes;%root%\minigpt-core\target\classes"
set "classes=%classes%;%root%\minigpt-formats\target\classes;%root%\minigpt-server\target\classes"
for /f "usebackq delims=" %%c in ("%home%\target\classpath") do set "CLASSPATH=%classes%;%%c"

:run
"%java%" "@%home%\bin\jvm.options" "-Dorg.minigpt.launcher=%home%\bin\minigpt.cmd" %MINIGPT_OPTS% org.minigpt.cli.MiniGpt %*
