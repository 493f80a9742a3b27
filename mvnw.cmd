@echo off
rem Runs Maven: the one on the PATH if it is 3.8 or newer, else the one named in .mvn\wrapper\maven-wrapper.properties,
rem which is fetched once, checked by its SHA-512 and kept in %USERPROFILE%\.m2\wrapper.
rem MVNW_REPOURL: a Maven repository to fetch it from instead. MAVEN_USER_HOME: a place other than .m2.
rem curl, tar and certutil are part of Windows 10 and newer.
setlocal

if not defined JAVA_HOME goto look_for_java
if exist "%JAVA_HOME%\bin\java.exe" goto look_for_maven
echo mvnw: JAVA_HOME is "%JAVA_HOME%", where there is no bin\java.exe; set it to a JDK 17 or newer. >&2
exit /b 1

:look_for_java
where java >nul 2>nul
if not errorlevel 1 goto look_for_maven
echo mvnw: there is no Java; install a JDK 17 or newer and set JAVA_HOME to it. >&2
exit /b 1

:look_for_maven
set "MAJOR="
where mvn >nul 2>nul
if errorlevel 1 goto own_maven
for /f "tokens=3,4 delims=. " %%a in ('mvn -B -v 2^>nul ^| findstr /b /c:"Apache Maven"') do (
    set "MAJOR=%%a"
    set "MINOR=%%b"
)
if not defined MAJOR goto own_maven
if %MAJOR% gtr 3 goto path_maven
if %MAJOR% equ 3 if %MINOR% geq 8 goto path_maven
goto own_maven

:path_maven
call mvn %*
exit /b %errorlevel%

:own_maven
set "PROPERTIES=%~dp0.mvn\wrapper\maven-wrapper.properties"
if not exist "%PROPERTIES%" (
    echo mvnw: "%PROPERTIES%" is missing; restore it with git checkout. >&2
    exit /b 1
)
for /f "usebackq eol=# tokens=1,* delims==" %%a in ("%PROPERTIES%") do set "%%a=%%b"
set "NAME=apache-maven-%mavenVersion%"
if not defined MAVEN_USER_HOME set "MAVEN_USER_HOME=%USERPROFILE%\.m2"
set "STORE=%MAVEN_USER_HOME%\wrapper"
set "HOME_OF_MAVEN=%STORE%\%NAME%"
if exist "%HOME_OF_MAVEN%\bin\mvn.cmd" goto run_own

set "URL=%distributionUrl%"
if defined MVNW_REPOURL set "URL=%MVNW_REPOURL%/org/apache/maven/apache-maven/%mavenVersion%/%NAME%-bin.tar.gz"
set "WORK=%STORE%\%NAME%.%RANDOM%%RANDOM%"
mkdir "%WORK%"
if errorlevel 1 (
    echo mvnw: "%STORE%" cannot be written; set MAVEN_USER_HOME to another place. >&2
    exit /b 1
)
echo mvnw: fetching %URL% >&2
curl -fsSL --retry 2 -o "%WORK%\maven.tar.gz" "%URL%"
if errorlevel 1 (
    echo mvnw: %URL% cannot be fetched; put Maven 3.8 or newer on the PATH, or set MVNW_REPOURL to a Maven repository within reach. >&2
    goto drop_work
)
set "SUM="
for /f "skip=1 delims=" %%h in ('certutil -hashfile "%WORK%\maven.tar.gz" SHA512') do if not defined SUM set "SUM=%%h"
set "SUM=%SUM: =%"
if /i not "%SUM%"=="%distributionSha512Sum%" (
    echo mvnw: %URL% does not have the SHA-512 in "%PROPERTIES%" and was not used; fetch from another place with MVNW_REPOURL. >&2
    goto drop_work
)
tar -xzf "%WORK%\maven.tar.gz" -C "%WORK%"
if errorlevel 1 (
    echo mvnw: %URL% could not be unpacked in "%WORK%"; see that the disk has room. >&2
    goto drop_work
)
rem One rename, so that a run beside this one sees all of it or nothing; who comes second finds it there.
if not exist "%HOME_OF_MAVEN%" move "%WORK%\%NAME%" "%HOME_OF_MAVEN%" >nul
rmdir /s /q "%WORK%"

:run_own
call "%HOME_OF_MAVEN%\bin\mvn.cmd" %*
exit /b %errorlevel%

:drop_work
rmdir /s /q "%WORK%"
exit /b 1
