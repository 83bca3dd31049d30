<?xml version="1.0" encoding="UTF-8"?>
<!--
  domain.xsl: makes the grammar of <domain> with our two attributes out of libvirt's own

  Input: domaincommon.rng of the installed libvirt.  Output: a grammar that includes domain.rng of
  the same directory (parameter "schemas", an absolute path) and overrides three of its definitions
  with copies that have the attributes.  A definition that does not look as expected ends it.

  What it lets through is what virtballoond takes: ballooning='off' on every assigned device, since
  it asks for nothing, and 'on' only on mediated devices of model vfio-pci.  Values are of type
  "string", since blanks around one do not pass virtballoond either.

  SPDX-License-Identifier: LGPL-2.1-or-later
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:rng="http://relaxng.org/ns/structure/1.0"
                xmlns="http://relaxng.org/ns/structure/1.0"
                exclude-result-prefixes="rng">

  <xsl:output method="xml" encoding="UTF-8" indent="yes"/>
  <xsl:strip-space elements="*"/>
  <xsl:param name="schemas"/>

  <xsl:variable name="memballoon" select="/rng:grammar/rng:define[@name='memballoon']"/>
  <xsl:variable name="subsys" select="/rng:grammar/rng:define[@name='hostdevsubsys']"/>
  <xsl:variable name="mdev" select="/rng:grammar/rng:define[@name='hostdevsubsysmdev']"/>

  <!-- The places in them that are edited. -->
  <xsl:variable name="element" select="$memballoon/rng:element[@name='memballoon']"/>
  <xsl:variable name="types" select="$subsys/rng:choice[rng:ref/@name='hostdevsubsysmdev']"/>
  <xsl:variable name="model" select="$mdev/rng:attribute[@name='model']"/>
  <xsl:variable name="models" select="$model/rng:choice/rng:value"/>

  <xsl:template match="/">
    <xsl:call-template name="expect">
      <xsl:with-param name="so" select="starts-with($schemas, '/')"/>
      <xsl:with-param name="what">an absolute path as parameter 'schemas'</xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="expect">
      <xsl:with-param name="so" select="count($memballoon) = 1 and count($element) = 1"/>
      <xsl:with-param name="what">that element in the definition 'memballoon'</xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="expect">
      <xsl:with-param name="so" select="count($subsys) = 1 and count($types) = 1
                                        and count($types/rng:ref) &gt; 1
                                        and not($types/*[not(self::rng:ref)])"/>
      <xsl:with-param name="what">a choice of types in 'hostdevsubsys'</xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="expect">
      <xsl:with-param name="so" select="count($mdev) = 1 and count($model) = 1
                                        and count($models[. = 'vfio-pci']) = 1
                                        and $models[. != 'vfio-pci']
                                        and not($model/*[not(self::rng:choice)])
                                        and not($model/rng:choice/*[not(self::rng:value)])"/>
      <xsl:with-param name="what">models in 'hostdevsubsysmdev', one 'vfio-pci'</xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="expect">
      <xsl:with-param name="so" select="not($element/descendant::rng:attribute[@name='policy']
                                            | //rng:attribute[@name='ballooning'])"/>
      <xsl:with-param name="what">none of our attributes to be there</xsl:with-param>
    </xsl:call-template>

    <grammar>
      <xsl:copy-of select="/rng:grammar/@datatypeLibrary"/>
      <include href="{$schemas}/domain.rng">
        <xsl:apply-templates select="$memballoon | $subsys | $mdev"/>
      </include>
    </grammar>
  </xsl:template>

  <xsl:template match="@* | node()">
    <xsl:copy>
      <xsl:apply-templates select="@* | node()"/>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="rng:define[@name='memballoon']/rng:element">
    <xsl:copy>
      <xsl:apply-templates select="@*"/>
      <optional>
        <attribute name="policy">
          <choice>
            <value type="string">block</value>
            <value type="string">warn</value>
            <value type="string">ignore</value>
            <value type="string">redirect</value>
            <value type="string">default</value>
          </choice>
        </attribute>
      </optional>
      <xsl:apply-templates select="node()"/>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="rng:define[@name='hostdevsubsys']
                       /rng:choice[rng:ref/@name='hostdevsubsysmdev']">
    <xsl:copy>
      <group>
        <xsl:call-template name="off"/>
        <choice>
          <xsl:apply-templates select="rng:ref[@name != 'hostdevsubsysmdev']"/>
        </choice>
      </group>
      <xsl:apply-templates select="rng:ref[@name = 'hostdevsubsysmdev']"/>
    </xsl:copy>
  </xsl:template>

  <xsl:template match="rng:define[@name='hostdevsubsysmdev']/rng:attribute[@name='model']">
    <choice>
      <group>
        <attribute name="model">
          <value>vfio-pci</value>
        </attribute>
        <optional>
          <attribute name="ballooning">
            <choice>
              <value type="string">on</value>
              <value type="string">off</value>
            </choice>
          </attribute>
        </optional>
      </group>
      <group>
        <attribute name="model">
          <choice>
            <xsl:apply-templates select="$models[. != 'vfio-pci']"/>
          </choice>
        </attribute>
        <xsl:call-template name="off"/>
      </group>
    </choice>
  </xsl:template>

  <xsl:template name="off">
    <optional>
      <attribute name="ballooning">
        <value type="string">off</value>
      </attribute>
    </optional>
  </xsl:template>

  <xsl:template name="expect">
    <xsl:param name="so"/>
    <xsl:param name="what"/>
    <xsl:if test="not($so)">
      <xsl:message terminate="yes">
        <xsl:value-of select="concat('domain.xsl: expected ', $what)"/>
      </xsl:message>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
