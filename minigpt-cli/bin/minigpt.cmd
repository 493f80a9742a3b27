@echo off
rem The command line of MiniGPT on Windows, from the jars in lib beside this folder, or in a clone from the classes that
rem mvnw.cmd -q compile left; without the archive of classes that bin/minigpt keeps on other systems.
rem MINIGPT_OPTS: more options for the JVM, such as -Xmx8g. JAVA_HOME: the Java to run on.
setlocal
for %%d in ("%~dp0..") do set "home=%%~fd"
for %%d in ("%home%\..") do set "root=%%~fd"
set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java"

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
