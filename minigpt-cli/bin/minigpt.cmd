@echo off
rem The command line of MiniGPT on Windows, run from the classes that mvnw.cmd -q compile left in this clone.
rem MINIGPT_OPTS: more options for the JVM, such as -Xmx8g. JAVA_HOME: the Java to run on.
setlocal
for %%d in ("%~dp0..") do set "cli=%%~fd"
for %%d in ("%cli%\..") do set "root=%%~fd"

if not exist "%cli%\target\classpath" (
    echo minigpt: it is not built yet; run mvnw.cmd -q compile in "%root%" first. 1>&2
    exit /b 1
)
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"

set "classes=%cli%\target\classes;%root%\minigpt-core\target\classes"
set "classes=%classes%;%root%\minigpt-formats\target\classes;%root%\minigpt-server\target\classes"
rem In the environment, since a command of cmd must not be longer than 8191 characters.
for /f "usebackq delims=" %%c in ("%cli%\target\classpath") do set "CLASSPATH=%classes%;%%c"

"%java%" "@%cli%\bin\jvm.options" %MINIGPT_OPTS% org.minigpt.cli.MiniGpt %*
